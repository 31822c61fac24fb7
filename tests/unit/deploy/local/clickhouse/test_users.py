"""What users that do not own the stack may hand to the engine; the rest the engine refuses, see the contract tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.users import Users, check_guest

_SPACE = st.sampled_from([b" ", b"\n", b"/* x */", b"/* /* y */ */", b"-- z\n", b"\t"])
_FILE = st.sampled_from([b"file", b"FILE", b"`file`", b'"file"', b"`fi\\x6ce`", b"eval", b"processes"])


@given(name=_FILE, before=_SPACE, after=_SPACE, around=st.sampled_from([b"%b(x)", b"f(%b, x)", b"x.%b", b"[%b]"]))
def test_forbidden_names_are_seen_in_every_guise(name: bytes, before: bytes, after: bytes, around: bytes) -> None:
    statement = b"SELECT" + before + around % name + after + b"FROM t"
    with pytest.raises(ClickHouseError) as error:
        check_guest("analyst", statement, "READ_ONLY", {}, {})
    assert error.value.code == 497


def test_a_value_is_no_name() -> None:
    check_guest("analyst", b"SELECT {x:String}", "READ_ONLY", {"x": "file"}, {})


@given(st.sampled_from(["file", "FILE", "eval"]))
def test_parameters_may_not_name_them_either(value: str) -> None:
    with pytest.raises(ClickHouseError):
        check_guest("analyst", b"SELECT {x:Identifier}", "READ_ONLY", {"x": value}, {})


@pytest.mark.parametrize(
    "statement",
    [
        b"SELECT 'file', \"profile\", filename FROM t -- file(x)",
        b"SELECT $$ file('/etc/passwd') $$",
        b"SELECT profile_id, aid, ai FROM t",
        b"WITH x AS (SELECT 1) SELECT * FROM x",
    ],
)
def test_text_is_not_a_name(statement: bytes) -> None:
    check_guest("analyst", statement, "READ_ONLY", {"x": "/path/to/file"}, {"max_threads": "1"})


@pytest.mark.parametrize("statement", [b"SET max_threads = 1", b"USE db", b"CREATE TEMPORARY TABLE t (a Int8)"])
def test_a_connection_may_be_changed_in_harmless_ways(statement: bytes) -> None:
    check_guest("analyst", statement, "CONTROL", {}, {})


@pytest.mark.parametrize(
    "statement",
    [b"SET ROLE owner", b"SET/**/ROLE owner", b"SET DEFAULT ROLE x", b"SET `ROLE` owner", b"SET", b"GRANT x TO y"],
)
def test_and_in_no_other(statement: bytes) -> None:
    with pytest.raises(ClickHouseError):
        check_guest("analyst", statement, "CONTROL", {}, {})


@pytest.mark.parametrize(
    "statement",
    [
        b"CREATE TABLE marts.t ENGINE = MergeTree() ORDER BY tuple() AS (SELECT engine FROM system.tables)",
        b"create table `marts`.`t` engine ReplacingMergeTree order by tuple() empty as (select 1)",
        b"CREATE OR REPLACE VIEW marts.v AS (SELECT materialized FROM view)",
        b"CREATE DATABASE marts ENGINE = Atomic",
        b"INSERT INTO marts.t SELECT engine FROM system.databases",
    ],
)
def test_the_transformer_creates_tables_and_views(statement: bytes) -> None:
    check_guest("transformer", statement, "MUTATING", {}, {})


@pytest.mark.parametrize(
    "statement",
    [
        b"CREATE TABLE marts.b (a UInt8) ENGINE = Buffer('kith', 'events', 1, 0, 1, 1, 1, 1, 1)",
        b"CREATE TABLE engine (a UInt8) ENGINE `Buffer`('kith', 'events', 1, 0, 1, 1, 1, 1, 1)",
        b"CREATE DATABASE marts ENGINE = MySQL('x', 'y', 'z', 'p')",
        b"/**/ CREATE MATERIALIZED VIEW marts.m TO kith.events AS SELECT 1",
        b"CREATE WINDOW VIEW marts.m AS SELECT 1",
        b"CREATE VIEW marts.v DEFINER = default SQL SECURITY DEFINER AS SELECT 1",
        b"ALTER TABLE marts.v MODIFY SQL SECURITY definer",
        b"CREATE TABLE marts.t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = web)",
        b"SET ROLE owner",
        b"SELECT file('/etc/passwd')",
    ],
)
def test_the_transformer_creates_nothing_that_runs_with_more_rights(statement: bytes) -> None:
    with pytest.raises(ClickHouseError) as error:
        check_guest("transformer", statement, "CONTROL" if statement.startswith(b"SET") else "MUTATING", {}, {})
    assert error.value.code == 497


def test_passwords() -> None:
    users = Users("kith", "owner's", "analyst's", "transformer's")
    assert users.role("transformer", "transformer's") == "transformer"
    assert users.role("kith", "owner's") == "owner"
    assert users.role("analyst", "analyst's") == "analyst"
    for user, password in (
        ("kith", "analyst's"),
        ("analyst", ""),
        ("transformer", ""),
        ("transformer", "analyst's"),
        ("nobody", ""),
        ("nobody", "\x00no such user"),
        ("", ""),
    ):
        with pytest.raises(ClickHouseError) as error:
            users.role(user, password)
        assert error.value.code == 516


@pytest.mark.parametrize("user", ["analyst", "transformer"])
def test_without_a_password_there_is_no_such_user(user: str) -> None:
    with pytest.raises(ClickHouseError):
        Users("kith", "", "").role(user, "")
    assert Users("kith", "", "").role("kith", "") == "owner"
