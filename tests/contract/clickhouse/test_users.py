"""Who comes in, by which door, and what the read-only user cannot do."""

# ruff: noqa: S608 - the tests name their own tables

import base64
from typing import Any

import pytest

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import ANALYST_PASSWORD, PASSWORD, USER


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_every_door(http_: Http) -> None:
    doors: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}, {}),
        (_basic(USER, PASSWORD), {}),
        ({}, {"user": USER, "password": PASSWORD}),
    ]
    for headers, params in doors:
        assert http_.send("GET", headers=headers, query="SELECT 1", **params).text == "1\n"


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {}),
        ({"X-ClickHouse-User": USER, "X-ClickHouse-Key": "wrong"}, {}),
        ({"X-ClickHouse-User": USER}, {}),
        ({"X-ClickHouse-Key": PASSWORD}, {}),
        (_basic(USER, "wrong"), {}),
        (_basic("nobody", PASSWORD), {}),
        ({"Authorization": "Bearer x"}, {}),
        ({"Authorization": "Basic not-base64!"}, {}),
        ({}, {"user": USER, "password": ANALYST_PASSWORD}),
        ({}, {"user": "default", "password": ""}),
        (_basic(USER, PASSWORD), {"user": USER, "password": PASSWORD}),
        ({"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD, **_basic(USER, PASSWORD)}, {}),
    ],
)
def test_no_other_door(http_: Http, headers: dict[str, str], params: dict[str, Any]) -> None:
    answer = http_.send("GET", headers=headers, query="SELECT 1", **params)
    assert (answer.status, answer.code) == (403, 516)
    assert PASSWORD not in answer.text


def test_the_analyst_reads(http_: Http, table: str) -> None:
    http_.ask(f"INSERT INTO {table} VALUES (1, 'x')")
    for sql in (
        f"SELECT * FROM {table}",
        f"WITH x AS (SELECT a FROM {table}) SELECT * FROM x",
        "SHOW TABLES",
        f"DESCRIBE {table}",
        f"SHOW CREATE TABLE {table}",
        f"EXPLAIN SELECT * FROM {table}",
        "SELECT name FROM system.tables LIMIT 1",
        "SELECT * FROM system.settings LIMIT 1",
        "SELECT * FROM information_schema.columns LIMIT 1",
        "SET max_threads = 1",
    ):
        assert http_.analyst(sql).status == 200, sql
    assert http_.analyst("SELECT getSetting('readonly'), getSetting('max_threads')", max_threads=2).text == "2\t2\n"
    session: dict[str, Any] = {"session_id": "analyst"}
    for sql in ("CREATE TEMPORARY TABLE w (x UInt8)", "INSERT INTO w VALUES (1)", "USE system"):
        assert http_.analyst(sql, **session).status == 200, sql
    assert http_.analyst("SELECT * FROM w", **session).text == "1\n"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} VALUES (1, 'x')",
        "INSERT INTO {t} SELECT 1, 'x'",
        "INSERT INTO {t} FORMAT CSV\n1,x",
        "ALTER TABLE {t} DELETE WHERE 1",
        "TRUNCATE TABLE {t}",
        "DROP TABLE {t}",
        "RENAME TABLE {t} TO gone",
        "OPTIMIZE TABLE {t}",
        "CREATE TABLE mine (x UInt8) ENGINE = Memory",
        "CREATE TABLE mine ENGINE = Memory AS SELECT 1",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE DATABASE mine",
        "CREATE FUNCTION f AS x -> x",
        "CREATE USER u",
        "CREATE TEMPORARY TABLE w (x UInt8) ENGINE = URL('http://127.0.0.1:1', 'CSV')",
        "CREATE TEMPORARY TABLE w AS file('/etc/passwd', 'LineAsString')",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1",
        "BACKUP TABLE {t} TO Null",
        "GRANT SELECT ON *.* TO analyst",
        "SET ROLE owner",
        "SET ROLE ALL",
        "SET DEFAULT ROLE owner TO default",
        "/* x */ SET /* y */ ROLE owner",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT `fi\\x6ce`('/etc/passwd')",
        "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT arrayMap({{f:Identifier}}, ['/etc/passwd'])",
        "SELECT * FROM eval('SELECT file(\\'/etc/passwd\\')')",
        "SELECT * FROM view(SELECT file('/etc/passwd'))",
        "DESCRIBE file('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV', 'x String')",
        "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM executable('x', 'TSV', 'y String')",
        "SELECT * FROM sqlite('/x', 't')",
        "SELECT * FROM filesystem('/etc')",
        "SELECT * FROM system.processes",
        "SHOW PROCESSLIST",
        "SELECT last_error_message FROM system.errors",
        "SELECT * FROM merge('system', '^proc')",
        "SELECT * FROM loop('system', 'processes') LIMIT 1",
        "SELECT * FROM system.users",
        "SELECT aiGenerate('x')",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_execution_time = 100000",
        "SELECT 1 SETTINGS profile = 'owner', max_execution_time = 100000",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1; DROP TABLE {t}",
    ],
)
def test_the_analyst_does_not(http_: Http, table: str, sql: str) -> None:
    for params in ({}, {"session_id": "analyst-tries"}):
        answer = http_.analyst(sql.format(t=table), param_f="file", **params)
        assert answer.code in (497, 164, 452, 62), answer.text
        assert "root:" not in answer.text
    assert http_.ask(f"EXISTS TABLE {table}") == "1\n"
    assert http_.ask(f"SELECT count() FROM {table}") == "0\n"


@pytest.mark.parametrize(
    "params", [{"readonly": 0}, {"max_execution_time": 0}, {"max_memory_usage": 10**15}, {"dialect": "kusto"}]
)
def test_the_analyst_cannot_lift_limits_in_the_url(http_: Http, params: dict[str, Any]) -> None:
    assert http_.analyst("SELECT 1", **params).code in (164, 452, 497)


def test_no_part_of_a_request_smuggles_a_statement(http_: Http, table: str) -> None:
    escape = "SET ROLE owner"
    key = {"X-ClickHouse-User": "analyst", "X-ClickHouse-Key": ANALYST_PASSWORD}
    form = {**key, "Content-Type": "multipart/form-data; boundary=BB"}
    body = b'--BB\r\nContent-Disposition: form-data; name="e"; filename="e"\r\n\r\n1\r\n--BB--\r\n'
    session = {"session_id": "smuggler"}
    tries: list[tuple[dict[str, str], bytes, dict[str, Any]]] = [
        (key, b"SELECT 1", {"default_format": f"CSV; {escape}"}),
        ({**key, "X-ClickHouse-Format": f"CSV; {escape}"}, b"SELECT 1", {}),
        (key, b"SELECT 1", {"database": f"default`; {escape}; USE `default"}),
        (key, b"SELECT 1", {"max_threads": f"1'; {escape}; SET max_threads = '1"}),
        (key, f"INSERT INTO {table}; {escape}; INSERT INTO {table} FORMAT CSV\n1,x".encode(), {}),
        (key, f"INSERT INTO {table}; {escape}; INSERT INTO {table} VALUES (1, 'x')".encode(), {}),
        (
            form,
            body,
            {"query": "SELECT 1", "e_structure": f"a UInt8) ENGINE = Memory; {escape}; CREATE TABLE x (b UInt8"},
        ),
        (form, body, {"query": "SELECT 1", "e_structure": "a UInt8) ENGINE = File('CSV', '/tmp/x') -- "}),
        (form, body, {"query": "SELECT 1", "e_structure": "a UInt8", "e_format": f"CSV; {escape}"}),
    ]
    for headers, sent, params in tries:
        for more in ({}, session):
            answer = http_.send("POST", body=sent, headers=headers, **params, **more)
            assert answer.code in (62, 73, 81, 27, 72, 497), (params, answer)
    assert http_.analyst("SELECT currentRoles()", **session).text == "['analyst']\n"
    for _ in range(40):
        assert http_.analyst("SELECT currentRoles()").text == "['analyst']\n"


def test_trying_changes_nothing(http_: Http) -> None:
    session: dict[str, Any] = {"session_id": "escalation"}
    for sql in ("SET profile = 'owner'", "SET profile = 'default'", "SET ROLE owner", "SET readonly = 0"):
        http_.analyst(sql, **session)
    assert http_.analyst("SELECT currentRoles(), getSetting('readonly')", **session).text == "['analyst']\t2\n"
    assert http_.analyst("SET max_execution_time = 100000", **session).code == 452


def test_the_analyst_stops_only_its_own_queries(http_: Http) -> None:
    assert http_.analyst("KILL QUERY WHERE query_id = 'somebody-elses'").text == ""
