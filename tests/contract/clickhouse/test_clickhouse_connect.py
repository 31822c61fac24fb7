"""clickhouse-connect, the client of the projector and the API: synchronous and asynchronous."""

import asyncio
import datetime
import decimal
import io
import uuid
from collections.abc import AsyncIterator, Iterator

import clickhouse_connect
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import pytest_asyncio
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.parts.clickhouse import ANALYST_PASSWORD, PASSWORD, USER, ClickHouse

_TYPES = """CREATE TABLE {name} (id UUID, at DateTime64(3, 'UTC'), day Date, total Decimal(18, 4),
    maybe Nullable(String),
    tags Array(LowCardinality(String)), props Map(String, UInt8), flag Bool, kind Enum8('a' = 1, 'b' = 2), body JSON)
    ENGINE = MergeTree ORDER BY id"""
_ROW = [
    uuid.UUID(int=7),
    datetime.datetime(2026, 1, 31, 10, 15, 0, 123000),
    datetime.date(2026, 1, 31),
    decimal.Decimal("120.5000"),
    None,
    ["x", "ü"],
    {"k": 1},
    True,
    "b",
    {"a": {"b": 1}},
]


@pytest.fixture(params=["lz4", "zstd", "gzip", "br", False], ids=str)
def client(clickhouse: ClickHouse, request: pytest.FixtureRequest) -> Iterator[Client]:
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=clickhouse.port, username=USER, password=PASSWORD, compress=request.param
    ) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(clickhouse: ClickHouse) -> AsyncIterator[AsyncClient]:
    client = await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=clickhouse.port, username=USER, password=PASSWORD
    )
    yield client
    await client.close()


def test_commands_and_every_type(client: Client) -> None:
    client.command("DROP TABLE IF EXISTS types SYNC")
    client.command(_TYPES.format(name="types"))
    assert client.insert("types", [_ROW] * 3).written_rows == 3
    result = client.query("SELECT * FROM types LIMIT 1")
    assert list(result.result_rows[0]) == _ROW
    assert client.command("SELECT count() FROM types") == 3
    assert client.query("SELECT * FROM types WHERE total > 100").summary["read_rows"] == "3"
    assert client.query("SELECT id FROM types LIMIT 0").column_names == ("id",)


def test_parameters(client: Client) -> None:
    values = {"s": "it's \\ a\ttab\nand é", "n": 2**63, "l": ["a'b", "c"], "d": datetime.date(2026, 1, 31), "o": None}
    sql = "SELECT {s:String}, {n:UInt64}, {l:Array(String)}, {d:Date}, {o:Nullable(String)}"
    assert client.query(sql, parameters=values).result_rows == [tuple(values.values())]
    assert client.query("SELECT %(x)s", parameters={"x": "it's"}).result_rows == [("it's",)]


def test_settings_and_query_ids(client: Client) -> None:
    assert client.command("SELECT getSetting('max_threads')", settings={"max_threads": 3}) == 3
    result = client.query("SELECT 1", settings={"query_id": f"mine-{uuid.uuid4()}"})
    assert result.query_id.startswith("mine-")
    client.command("SET max_threads = 2")
    assert client.command("SELECT getSetting('max_threads')") == 2
    client.command("CREATE TEMPORARY TABLE session_table (x UInt8)")
    client.insert("session_table", [[1], [2]])
    assert client.command("SELECT sum(x) FROM session_table") == 3


def test_streams(client: Client) -> None:
    sql = "SELECT number, toString(number) AS text FROM numbers(500000)"
    with client.query_rows_stream(sql) as rows:
        assert sum(row[0] for row in rows) == 124_999_750_000
    with client.query_column_block_stream(sql) as blocks:
        assert sum(len(block[0]) for block in blocks) == 500_000
    with client.raw_stream(sql, fmt="CSV") as raw:
        assert raw.read().count(b"\n") == 500_000


def test_data_frames(client: Client) -> None:
    client.command("DROP TABLE IF EXISTS frames SYNC")
    client.command("CREATE TABLE frames (n UInt32, s String, f Float64) ENGINE = MergeTree ORDER BY n")
    frame = pd.DataFrame({"n": range(1000), "s": [f"v{n}" for n in range(1000)], "f": [n / 4 for n in range(1000)]})
    client.insert_df("frames", frame)
    client.insert_arrow("frames", pa.table({"n": pa.array([1000], pa.uint32()), "s": ["a"], "f": [1.0]}))
    client.insert_df_arrow("frames", pl.DataFrame({"n": [1001], "s": ["p"], "f": [2.0]}))
    read = client.query_df("SELECT * FROM frames ORDER BY n")
    assert (len(read), float(read["f"].sum())) == (1002, sum(n / 4 for n in range(1000)) + 3)
    assert client.query_arrow("SELECT * FROM frames").num_rows == 1002
    assert client.query_df_arrow("SELECT s FROM frames WHERE n = 1001", dataframe_library="polars")["s"][0] == "p"
    assert client.query_np("SELECT n FROM frames ORDER BY n").shape == (1002, 1)
    with client.query_df_stream("SELECT * FROM frames") as frames:
        assert sum(len(part) for part in frames) == 1002


def test_raw_inserts_and_external_data(client: Client) -> None:
    client.command("DROP TABLE IF EXISTS raw SYNC")
    client.command("CREATE TABLE raw (a UInt8, b String) ENGINE = MergeTree ORDER BY a")
    client.raw_insert("raw", insert_block="1,one\n2,two\n", fmt="CSV")
    client.raw_insert("raw", ["b", "a"], insert_block=io.BytesIO(b"three\t3\n"), fmt="TabSeparated")
    assert client.raw_query("SELECT * FROM raw ORDER BY a", fmt="CSV") == b'1,"one"\n2,"two"\n3,"three"\n'
    from clickhouse_connect.driver.external import ExternalData

    external = ExternalData(file_name="ext.csv", data=b"2,zwei\n", fmt="CSV", structure=["a UInt8", "c String"])
    sql = "SELECT raw.b, ext.c FROM raw JOIN ext USING (a)"
    assert client.query(sql, external_data=external).result_rows == [("two", "zwei")]


def test_errors_have_codes(client: Client) -> None:
    with pytest.raises(DatabaseError) as wrong:
        client.query("SELECT * FROM nowhere")
    assert wrong.value.code == 60
    with pytest.raises(DatabaseError) as failed:
        client.insert("nowhere", [[1]], column_names=["a"], column_type_names=["UInt8"])
    assert failed.value.code == 60
    with (
        # With brotli the client's own buffering loses the last bytes, and with them the text.
        pytest.raises(StreamFailureError, match=r"throwIf|connection closed by server"),
        client.query_rows_stream("SELECT number, throwIf(number = 3000000) FROM numbers(10000000)") as rows,
    ):
        for _ in rows:
            pass
    assert client.command("SELECT 1") == 1


def test_a_wrong_password_and_the_analyst(clickhouse: ClickHouse) -> None:
    with pytest.raises(DatabaseError) as refused:
        clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse.port, username=USER, password="no")
    assert refused.value.code == 516
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=clickhouse.port, username="analyst", password=ANALYST_PASSWORD
    ) as analyst:
        assert analyst.query("SELECT count() FROM system.one").result_rows == [(1,)]
        with pytest.raises(DatabaseError) as denied:
            analyst.command("CREATE TABLE mine (x UInt8) ENGINE = Memory")
        assert denied.value.code == 497


async def test_the_asynchronous_client(async_client: AsyncClient) -> None:
    await async_client.command("DROP TABLE IF EXISTS awaited SYNC")
    await async_client.command("CREATE TABLE awaited (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    await async_client.insert("awaited", [[n, str(n)] for n in range(10_000)], column_names=["a", "b"])
    assert (await async_client.query("SELECT count() FROM awaited")).result_rows == [(10_000,)]
    rows = await async_client.query("SELECT b FROM awaited WHERE a = {a:UInt64}", parameters={"a": 77})
    assert rows.result_rows == [("77",)]
    frame = await async_client.query_df("SELECT * FROM awaited ORDER BY a")
    assert len(frame) == 10_000
    async with await async_client.query_rows_stream("SELECT number FROM numbers(300000)") as stream:
        assert sum([row[0] async for row in stream]) == 44_999_850_000
    with pytest.raises(DatabaseError) as wrong:
        await async_client.query("SELECT nope")
    assert wrong.value.code == 47


async def test_many_at_once(async_client: AsyncClient) -> None:
    async def ask(number: int) -> int:
        result = await async_client.query("SELECT {n:UInt32} + sleep(0.05)", parameters={"n": number})
        return int(result.result_rows[0][0])

    assert await asyncio.gather(*(ask(number) for number in range(40))) == list(range(40))
