"""The user of dbt: reads everything, owns the databases `marts…`, and gets neither into the others nor out."""

# ruff: noqa: S608 - the tests name their own tables

from collections.abc import Iterator

import pytest

from tests.contract.clickhouse.conftest import Http


@pytest.fixture(scope="module")
def marts(http_: Http) -> Iterator[str]:
    """A database with one table, `own`."""
    http_.ask("CREATE DATABASE marts")
    http_.ask("CREATE TABLE marts.own (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    yield "marts"
    http_.ask("DROP DATABASE marts SYNC")
    http_.ask("DROP DATABASE IF EXISTS marts_dev SYNC")


def test_it_builds_marts_from_what_it_reads(http_: Http, table: str) -> None:
    http_.ask(f"INSERT INTO {table} VALUES (1, 'x'), (2, 'y')")
    session = {"session_id": "dbt", "database": "marts_dev"}
    assert http_.transformer("CREATE DATABASE marts_dev").status == 200
    for sql in (
        f"CREATE TABLE a ENGINE = MergeTree() ORDER BY tuple() EMPTY AS (SELECT * FROM default.{table})",
        f"INSERT INTO a (a, b) SELECT * FROM default.{table}",
        "CREATE TABLE b AS a",
        "EXCHANGE TABLES a AND b",
        "EXCHANGE TABLES a AND b",
        "SET allow_nondeterministic_mutations = 1",
        "DELETE FROM a WHERE a = 2",
        "ALTER TABLE a MODIFY COMMENT 'the mart', COMMENT COLUMN a 'its key'",
        "CREATE OR REPLACE VIEW v AS (SELECT * FROM a)",
        f"CREATE OR REPLACE VIEW v AS (SELECT * FROM a UNION ALL SELECT * FROM default.{table})",
        "ALTER TABLE v MODIFY COMMENT 'the view'",
        "RENAME TABLE b TO c",
        "TRUNCATE TABLE c",
        "DROP TABLE c",
        "CREATE TEMPORARY TABLE w (x UInt8)",
    ):
        answer = http_.transformer(sql, **session)
        assert answer.status == 200, f"{sql}: {answer.text}"
    assert http_.transformer("INSERT INTO a FORMAT CSV\n3,z\n", **session).status == 200
    # The analyst reads the marts too, and does not write them.
    assert http_.analyst("SELECT count() FROM marts_dev.v").text == "4\n"
    assert http_.analyst("INSERT INTO marts_dev.a VALUES (4, 'z')").code in (164, 497)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} VALUES (9, 'x')",
        "INSERT INTO {t} SELECT 9, 'x'",
        "ALTER TABLE {t} DELETE WHERE 1",
        "ALTER TABLE {t} MODIFY COMMENT 'mine'",
        "DELETE FROM {t} WHERE 1",
        "TRUNCATE TABLE {t}",
        "DROP TABLE {t}",
        "EXCHANGE TABLES {t} AND marts.own",
        "RENAME TABLE {t} TO marts.gone",
        "RENAME TABLE marts.own TO default.mine",
        "ALTER TABLE marts.own MOVE PARTITION tuple() TO TABLE {t}",
        "CREATE TABLE default.mine (x UInt8) ENGINE = Memory",
        "CREATE OR REPLACE VIEW default.mine AS SELECT 1",
        "CREATE DATABASE mine",
        "DROP DATABASE default",
        "CREATE MATERIALIZED VIEW marts.m TO {t} AS SELECT * FROM marts.own",
        "CREATE MATERIALIZED VIEW marts.m ENGINE = MergeTree ORDER BY a AS SELECT throwIf(1), * FROM {t}",
        "CREATE TABLE marts.m (a UInt64, b String) ENGINE = Buffer('default', '{t}', 1, 0, 1, 1, 1, 1, 1)",
        "CREATE VIEW marts.m SQL SECURITY DEFINER AS SELECT 1",
        "CREATE VIEW marts.m SQL SECURITY NONE AS SELECT 1",
        "CREATE VIEW marts.m AS SELECT * FROM url('http://127.0.0.1:1', 'LineAsString', 'x String')",
        "CREATE TABLE marts.m (x UInt8) ENGINE = URL('http://127.0.0.1:1', 'CSV')",
        "CREATE TABLE marts.m AS file('/etc/passwd', 'LineAsString')",
        "CREATE DICTIONARY marts.m (a UInt64) PRIMARY KEY a SOURCE(HTTP(url 'http://127.0.0.1:1' format 'TSV')) "
        "LAYOUT(FLAT()) LIFETIME(0)",
        "CREATE FUNCTION f AS x -> x",
        "INSERT INTO FUNCTION url('http://127.0.0.1:1', 'CSV', 'x UInt8') VALUES (1)",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM system.processes",
        "SELECT * FROM system.users",
        "BACKUP TABLE marts.own TO File('x')",
        "SYSTEM FLUSH LOGS",
        "GRANT ALL ON *.* TO transformer",
        "SET ROLE owner",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS profile = 'owner', max_memory_usage = 0",
        "SELECT 1 SETTINGS default_normal_view_sql_security = 'DEFINER'",
    ],
)
def test_and_nothing_else(http_: Http, table: str, marts: str, sql: str) -> None:
    for params in ({}, {"session_id": "transformer-tries"}):
        answer = http_.transformer(sql.format(t=table), **params)
        assert answer.code in (497, 452, 62), answer.text
    assert http_.ask(f"SELECT count() FROM {table}") == "0\n"
    assert http_.ask(f"SELECT name FROM system.tables WHERE database = '{marts}'") == "own\n"
    assert http_.transformer("SELECT currentRoles()").text == "['transformer']\n"
