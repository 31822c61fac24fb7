"""Native as clients of a newer protocol read it: a block's info, a byte behind each type, and the same data."""

from typing import Any

import pytest
from clickhouse_connect.datatypes import registry
from clickhouse_connect.driver.exceptions import StreamCompleteException
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driverc.buffer import ResponseBuffer

from tests.contract.clickhouse.conftest import Http

EVERYTHING = """
SELECT
    number, toInt8(number), toUInt256(number), toInt128(number), toFloat32(number), number % 2 = 0 AS flag,
    toDecimal32(number, 2), toDecimal64(number, 3), toDecimal128(number, 4), toDecimal256(number, 5),
    toString(number), repeat('é', number % 300), toFixedString('abc', 5), toLowCardinality(toString(number % 7)),
    CAST(if(number % 3 = 0, NULL, 'x') AS LowCardinality(Nullable(String))), if(number % 2 = 0, NULL, number),
    toUUID('7f3f2a52-6c3c-5f0b-9d5c-0d7c1a1a9a10'), toDate('2026-01-01'), toDate32('1900-01-01'),
    toDateTime(number, 'UTC'), toDateTime64(number, 3, 'Europe/Paris'), toIPv4('127.0.0.1'), toIPv6('::1'),
    CAST(number % 2 AS Enum8('a, (b' = 0, 'it\\'s' = 1)), range(number % 5), INTERVAL number DAY,
    arrayMap(x -> toString(x), range(number % 4)), arrayMap(x -> (toLowCardinality(toString(x)), x), range(number % 3)),
    map('k', number, toString(number), 2), CAST((number, 'y') AS Tuple(n UInt64, `a b` String)), [[number], []],
    CAST([(number, 'z')] AS Nested(a UInt64, b String)), [if(number % 2 = 0, NULL, toString(number))],
    NULL, [], (1., 2.)::Point
FROM numbers({rows})
"""


def blocks(body: bytes, version: int) -> list[list[tuple[str, str, list[Any]]]]:
    """Read Native with clickhouse-connect's types; those know nothing of how the server made it."""

    class Source:
        last_message = None

        def __init__(self) -> None:
            self.gen = iter([body])

        def close(self) -> None: ...

    source, context = ResponseBuffer(Source()), QueryContext()
    found: list[list[tuple[str, str, list[Any]]]] = []
    while True:
        block = []
        try:
            info = source.read_bytes(8) if version else b""
            columns, rows = source.read_leb128(), source.read_leb128()
        except StreamCompleteException:
            return found
        assert info == (b"\x01\x00\x02\xff\xff\xff\xff\x00" if version else b"")
        for _ in range(columns):
            name, type_ = source.read_leb128_str(), source.read_leb128_str()
            if version:
                assert source.read_byte() == 0
            values = registry.get_from_name(type_).read_column(source, rows, context) if rows else []
            block.append((name, type_, list(values)))
        found.append(block)


@pytest.mark.parametrize("rows", [0, 1, 1000, 200_000])
def test_the_same_in_both_versions(http_: Http, rows: int) -> None:
    many = "SELECT number, toString(number) FROM numbers({rows})"
    sql = (EVERYTHING if rows <= 1000 else many).replace("{rows}", str(rows))
    plain = http_.query(f"{sql} FORMAT Native", max_block_size=300)
    newer = http_.query(sql, default_format="Native", client_protocol_version=54460, max_block_size=300)
    assert (plain.status, newer.status) == (200, 200), newer.text
    assert blocks(newer.body, 54460) == blocks(plain.body, 0)
    assert len(newer.body) > len(plain.body) or not rows


def test_versions_before_it_get_version_0_as_clickhouse_connect_expects(http_: Http) -> None:
    old = http_.query("SELECT 1 FORMAT Native", client_protocol_version=54405)
    assert old.body == http_.query("SELECT 1 FORMAT Native").body


def test_small_answers_and_compressed_blocks_too(http_: Http) -> None:
    assert (
        http_.query("DESCRIBE system.one FORMAT Native", client_protocol_version=54460).body[:4] == b"\x01\x00\x02\xff"
    )
    packed = http_.query("SELECT 1 FORMAT Native", client_protocol_version=54460, compress=1)
    assert packed.status == 200
    assert http_.query("SELECT 1 FORMAT TSV", client_protocol_version=54460).text == "1\n"


def test_an_empty_tuple_has_a_byte_of_its_own(http_: Http) -> None:
    body = http_.query("SELECT tuple(), 'after' FORMAT Native", client_protocol_version=54460).body
    assert body.endswith(b"String\x00\x05after")


def test_a_type_that_cannot_be_measured_says_what_to_do(http_: Http) -> None:
    answer = http_.query("SELECT '{\"a\": 1}'::JSON FORMAT Native", client_protocol_version=54460)
    assert answer.code == 48
    assert "CAST it to String" in answer.text
