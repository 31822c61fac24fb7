"""What HTTP adds to the engine: `python -m tests.bench.clickhouse_overhead`.

The same statements run through the local ClickHouse's HTTP interface and on chDB in this process, in turns, on the same
100,000 rows: point reads by primary key, and inserts of 10,000 rows in Native. The client is a bare socket.
"""

import os
import socket
import statistics
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("TZ", "UTC")

from chdb import _chdb as _untyped

from tests.parts.clickhouse import PASSWORD, USER, clickhouse_process

_chdb: Any = _untyped
_READS = 1500
_INSERTS = 60
_ROWS = 10_000
_CREATE = (
    "CREATE TABLE profiles (id UUID, body String) ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 256",
    "INSERT INTO profiles SELECT toUUID(format('00000000-0000-0000-0000-{}', leftPad(toString(number), 12, '0'))),"
    " repeat('x', 1000) FROM numbers(100000)",
    "OPTIMIZE TABLE profiles FINAL",
    "CREATE TABLE rows (n UInt64, s String) ENGINE = MergeTree ORDER BY n",
)
_POINT = "SELECT id, body FROM profiles WHERE id = {i:UUID}"


class _Http:
    """One kept connection; `post` returns a body."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, target: str, body: bytes) -> bytes:
        head = (
            f"POST {target}&user={USER}&password={PASSWORD} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._socket.recv(1 << 20)
        headers, _, rest = answer.partition(b"\r\n\r\n")
        assert headers.startswith(b"HTTP/1.1 200"), answer
        length = int(headers.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        while len(rest) < length:
            rest += self._socket.recv(1 << 20)
        return rest


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def _native() -> bytes:
    """Return a block of `_ROWS` rows of a number and 100 bytes of text."""
    numbers = struct.pack(f"<{_ROWS}Q", *range(_ROWS))
    texts = (_varint(100) + b"y" * 100) * _ROWS
    return _varint(2) + _varint(_ROWS) + b"\x01n\x06UInt64" + numbers + b"\x01s\x06String" + texts


def _in_turns(count: int, ways: dict[str, Callable[[int], object]]) -> dict[str, float]:
    """Return the median seconds of each way."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(count):
        for name, way in ways.items():
            begun = perf_counter()
            way(number)
            times[name].append(perf_counter() - begun)
    return {name: statistics.median(values[count // 10 :]) for name, values in times.items()}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, clickhouse_process(Path(folder) / "served") as served:
        http, engine = _Http(served.port), _chdb.connect(f"{folder}/embedded")
        for sql in _CREATE:
            http.post("/?", sql.encode())
            engine.query(sql, "Null")
        ids = [f"00000000-0000-0000-0000-{number * 61 % 100_000:012d}" for number in range(_READS)]
        block = _native()

        def insert(_: int) -> None:
            stream = engine.send_insert("INSERT INTO rows", "Native")
            engine.insert_append(stream, block)
            engine.insert_done(stream)

        reads = _in_turns(
            _READS,
            {
                "chDB in process": lambda n: engine.query(_POINT, "Native", params={"i": ids[n]}).bytes(),
                "HTTP": lambda n: http.post(f"/?default_format=Native&param_i={ids[n]}", _POINT.encode()),
            },
        )
        target = "/?query=INSERT+INTO+rows+FORMAT+Native"
        inserts = _in_turns(_INSERTS, {"chDB in process": insert, "HTTP": lambda _: http.post(target, block)})
    for name, seconds in reads.items():
        print(f"point read  {name:20} p50 {seconds * 1e6:7.0f} µs")
    for name, seconds in inserts.items():
        print(f"insert      {name:20} p50 {seconds * 1e6:7.0f} µs  {_ROWS / seconds:12,.0f} rows/s")


if __name__ == "__main__":
    main()
