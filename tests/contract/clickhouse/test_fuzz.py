"""Whatever comes in, something goes out: no hang, no silent end, no defect behind it."""

import random
import socket
from pathlib import Path
from urllib.parse import quote

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER, clickhouse_process

_NAMES = (
    *(
        "query",
        "user",
        "password",
        "database",
        "default_format",
        "role",
        "%",
        "readonly",
        "param_x",
        "max_threads",
        "foo",
    ),
    *("session_id", "session_timeout", "query_id", "compress", "decompress", "wait_end_of_query", "buffer_size"),
    *("enable_http_compression", "http_zlib_compression_level", "client_protocol_version"),
    *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
)
_VALUES = (
    *(
        "1",
        "0",
        "-1",
        "9" * 20,
        "",
        "x",
        "'",
        "\x00",
        "é",
        "%",
        "(",
        "`",
        "FORMAT",
        "SELECT",
        "INSERT",
        "JSON",
        "SELECT 1",
    ),
    *(
        "SELECT {x:String}",
        "SET max_threads=1",
        "USE system",
        "INSERT INTO t FORMAT CSV",
        "KILL QUERY WHERE query_id='x'",
    ),
    "INSERT INTO t SELECT * FROM input('x Int8') FORMAT CSV",
)
_HEADERS = (
    *("Accept-Encoding: br, gzip", "Content-Encoding: gzip", "Content-Encoding: nope", "Authorization: Basic eDp5"),
    *(
        "Authorization: x",
        "X-ClickHouse-Format: CSV",
        "Content-Type: multipart/form-data; boundary=x",
        "Connection: close",
    ),
    *("Content-Type: multipart/form-data", "Expect: 100-continue", "X-ClickHouse-Key: 1", "Upgrade: h2c"),
)
_BODIES = (
    *(b"", b"SELECT 1", b"1,2\n", b"\xff\xfe", b"SELECT \xff", b"a" * 70_000),
    b'--x\r\nContent-Disposition: form-data; name="t"; filename="a"\r\n\r\n1\r\n--x--\r\n',
)


def _request(random_: random.Random) -> bytes:
    params = [f"{name}={quote(random_.choice(_VALUES))}" for name in random_.choices(_NAMES, k=random_.randint(0, 4))]
    if random_.random() < 0.8:
        params += [f"user={USER}", f"password={PASSWORD}"]
    headers = random_.sample(_HEADERS, k=random_.randint(0, 3))
    body = random_.choice((*_BODIES, random_.randbytes(50)))
    if random_.random() < 0.2:
        headers.append("Transfer-Encoding: chunked")
        body = random_.choice((b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n", b"zz\r\n"))
    else:
        headers.append(f"Content-Length: {len(body)}")
    method = random_.choice(("POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS", "DELETE"))
    path = random_.choice(("/", "/", "/", "/x", "/ping"))
    head = "\r\n".join([f"{method} {path}?{'&'.join(params)} HTTP/1.{random_.choice('01')}", "Host: x", *headers])
    return head.encode() + b"\r\n\r\n" + body


def test_every_request_gets_an_answer(tmp_path: Path) -> None:
    random_ = random.Random(20260131)
    with clickhouse_process(tmp_path) as process:
        for _ in range(600):
            request = _request(random_)
            with socket.create_connection(("127.0.0.1", process.port), timeout=20) as raw:
                raw.sendall(request)
                if random_.random() < 0.2:
                    raw.shutdown(socket.SHUT_WR)
                assert raw.recv(65536).startswith(b"HTTP/1.1 "), request
        assert Http(process.port).ask("SELECT 1") == "1\n"
    assert "connection_failed" not in (tmp_path / "clickhouse.log").read_text()
