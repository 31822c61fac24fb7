"""Encodings of requests and answers: HTTP's, and ClickHouse's own blocks."""

# ruff: noqa: S608 - the tests name their own tables

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable

import brotli
import cramjam
import lz4.frame
import pytest
import zstandard

from deploy.local.clickhouse.blocks import Unpacker, pack
from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER

_KEY = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
_CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "br": (brotli.compress, brotli.decompress),
    "zstd": (
        lambda data: zstandard.ZstdCompressor(write_content_size=False).compress(data),
        lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    ),
    "lz4": (lz4.frame.compress, lz4.frame.decompress),
    "xz": (lzma.compress, lzma.decompress),
    "bz2": (bz2.compress, bz2.decompress),
    "snappy": (
        lambda data: bytes(cramjam.snappy.compress_raw(data)),
        lambda data: bytes(cramjam.snappy.decompress_raw(data)),
    ),
}
_ROWS = b"".join(b"%d\tvalue %d\n" % (number, number) for number in range(20_000))


@pytest.mark.parametrize("method", _CODECS)
def test_bodies_compressed_as_the_header_says(http_: Http, table: str, method: str) -> None:
    compress, _ = _CODECS[method]
    headers = {**_KEY, "Content-Encoding": method}
    sql = f"INSERT INTO {table} FORMAT TabSeparated"
    for body, query in ((_ROWS, {"query": sql}), (sql.encode() + b"\n" + _ROWS, {})):
        assert http_.send("POST", body=compress(body), headers=headers, **query).status == 200
    assert http_.ask(f"SELECT count(), sum(a) FROM {table}") == "40000\t399980000\n"


@pytest.mark.parametrize("method", _CODECS)
@pytest.mark.parametrize("rows", [10, 500_000])
def test_answers_compressed_as_asked(http_: Http, method: str, rows: int) -> None:
    _, decompress = _CODECS[method]
    sql = f"SELECT number FROM numbers({rows})".encode()
    answer = http_.send("POST", body=sql, headers={**_KEY, "Accept-Encoding": method})
    assert answer.headers["content-encoding"] == method
    assert decompress(answer.body) == b"".join(b"%d\n" % number for number in range(rows))


def test_nothing_is_compressed_unasked(http_: Http) -> None:
    plain = http_.send("POST", body=b"SELECT 1", headers={**_KEY, "Accept-Encoding": "identity"})
    assert (plain.body, plain.headers.get("content-encoding")) == (b"1\n", None)
    off = http_.send("POST", body=b"SELECT 1", headers={**_KEY, "Accept-Encoding": "gzip"}, enable_http_compression=0)
    assert off.body == b"1\n"
    refused = http_.send("POST", body=b"SELECT 1", headers={**_KEY, "Accept-Encoding": "gzip;q=0"})
    assert refused.body == b"1\n"


def test_errors_are_compressed_like_answers(http_: Http) -> None:
    answer = http_.send("POST", body=b"SELECT nope", headers={**_KEY, "Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body).startswith(b"Code: 47.")


def test_blocks_of_clickhouse_both_ways(http_: Http, table: str) -> None:
    sql = f"INSERT INTO {table} FORMAT TabSeparated"
    assert http_.query(sql, pack(_ROWS), decompress=1).status == 200
    assert http_.send("POST", body=pack(b"SELECT 1"), headers=_KEY, decompress=1).body == b"1\n"
    for rows in (3, 1_000_000):
        answer = http_.query(f"SELECT number FROM numbers({rows})", compress=1)
        assert Unpacker().decompress(answer.body) == b"".join(b"%d\n" % number for number in range(rows))
    both = http_.send(
        "POST",
        body=b"SELECT 'both'",
        headers={**_KEY, "Accept-Encoding": "gzip"},
        compress=1,
        enable_http_compression=1,
    )
    assert Unpacker().decompress(gzip.decompress(both.body)) == b"both\n"
    assert http_.ask(f"SELECT count() FROM {table}") == "20000\n"


def test_a_damaged_body_inserts_nothing(http_: Http, table: str) -> None:
    sql = f"INSERT INTO {table} FORMAT TabSeparated"
    damaged = bytearray(pack(_ROWS))
    damaged[30] ^= 1
    assert http_.query(sql, bytes(damaged), decompress=1).code == 40
    assert http_.query(sql, pack(_ROWS)[:-1], decompress=1).code == 32
    for method, body in (
        ("gzip", gzip.compress(_ROWS)[:-9]),
        ("zstd", b"no zstd"),
        ("br", brotli.compress(_ROWS)[:-5]),
    ):
        answer = http_.send("POST", body=body, headers={**_KEY, "Content-Encoding": method}, query=sql)
        assert answer.code == 271, (method, answer.text)
    assert http_.send("POST", body=b"x", headers={**_KEY, "Content-Encoding": "rot13"}, query=sql).code == 48
    assert http_.ask(f"SELECT count() FROM {table}") == "0\n"


def test_concatenated_streams_are_one_body(http_: Http, table: str) -> None:
    body = gzip.compress(b"1\ta\n") + gzip.compress(b"2\tb\n")
    sql = f"INSERT INTO {table} FORMAT TabSeparated"
    assert http_.send("POST", body=body, headers={**_KEY, "Content-Encoding": "gzip"}, query=sql).status == 200
    assert http_.ask(f"SELECT count() FROM {table}") == "2\n"
