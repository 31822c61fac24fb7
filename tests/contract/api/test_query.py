"""`POST /v1/query`: what it answers, and that it ends at its limits and at the tables."""

from typing import Any

import pytest

from tests.parts.api import Answer, Api
from tests.parts.people import Writer, person


def ask(api: Api, sql: str, **parameters: Any) -> Answer:
    return api.post("/v1/query", {"sql": sql, "parameters": parameters})


def test_rows_come_with_the_names_and_types_of_their_columns(api: Api, writer: Writer) -> None:
    writer.people(person(n) for n in range(3))
    answer = ask(api, "SELECT profile_id, version + 1 AS next FROM profiles WHERE has(segments, {s:String})", s="vip")
    assert answer.status == 200
    assert answer.json["columns"] == [{"name": "profile_id", "type": "UUID"}, {"name": "next", "type": "UInt64"}]
    assert answer.json["rows"] == [[person(0)["profile_id"], 2]]
    assert answer.json["statistics"]["rows_read"] >= 1


def test_values_are_json_without_loss(api: Api) -> None:
    sql = (
        "SELECT 18446744073709551615, toDecimal64('0.10', 2), toDateTime64('2026-01-31 10:15:00.123', 3, 'UTC'), NULL, "
        "[1, 2], 'é\\0\"', nan, {a:Array(String)}, {n:Int32}"
    )
    answer = ask(api, sql, a=["it's", "\\"], n=-1)
    row = ["2026-01-31T10:15:00.123Z", None, [1, 2], 'é\x00"', None, ["it's", "\\"], -1]
    assert answer.json["rows"] == [[18446744073709551615, "0.1", *row]]


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("SELECT number FROM numbers(10001)", "rows"),
        ("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 7", "time"),
        ("SELECT groupArray(number) FROM numbers(100000000)", "memory"),
    ],
)
def test_a_limit_is_named(api: Api, sql: str, limit: str) -> None:
    answer = ask(api, sql)
    assert (answer.status, answer.json["type"], answer.json["limit"]) == (422, "urn:kith:limit-exceeded", limit)
    assert limit in answer.json["detail"]
    assert ask(api, "SELECT 1").status == 200


def test_exactly_as_many_rows_as_allowed_are_answered(api: Api) -> None:
    assert len(ask(api, "SELECT number FROM numbers(10000)").json["rows"]) == 10000


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
        "SELECT * FROM s3('http://127.0.0.1:1/x')",
        "SELECT * FROM system.users",
        "SELECT * FROM system.processes",
        "INSERT INTO events (event_id) SELECT generateUUIDv4()",
        "DROP TABLE events",
        "ALTER TABLE events DELETE WHERE 1",
        "CREATE TABLE x (a UInt8) ENGINE = Memory",
        "SET readonly = 0",
        "SELECT 1 SETTINGS max_result_rows = 0, max_execution_time = 0 UNION ALL SELECT number FROM numbers(20000)",
        "SELECT number FROM numbers(20000) -- '\n settings max_result_rows = 0",
        "SELECT number FROM (SELECT number FROM numbers(20000) SETTINGS max_memory_usage = 0)",
        "SYSTEM SHUTDOWN",
        "KILL QUERY WHERE 1",
        "GRANT ALL ON *.* TO analyst",
        "SELECT 1; SELECT 2",
        "SELECT",
        "",
        "SELECT nothing FROM nowhere",
        "SELECT {missing:String}",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 FORMAT Native",
    ],
)
def test_nothing_but_reading_the_tables_is_possible(api: Api, writer: Writer, sql: str) -> None:
    before = writer.client.command("SELECT count() FROM events")
    answer = ask(api, sql)
    assert 400 <= answer.status < 500, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert writer.client.command("SELECT count() FROM events") == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"sql": 1}', b'{"sql": "SELECT 1", "parameters": []}'])
def test_what_is_no_question_gets_a_sentence(api: Api, body: bytes) -> None:
    answer = api.ask("POST", "/v1/query", body)
    assert answer.status in (400, 422)
    assert answer.json["type"].startswith("urn:kith:")


def test_too_long_a_statement_is_refused(api: Api) -> None:
    assert ask(api, "SELECT '" + "x" * 100_000 + "'").status == 422


def test_words_in_quotes_are_only_words(api: Api) -> None:
    sql = "SELECT 'SETTINGS a = 1', 'it\\'s FORMAT Native', 1 AS settings, $$INTO OUTFILE$$ -- SETTINGS"
    assert ask(api, sql).json["rows"] == [["SETTINGS a = 1", "it's FORMAT Native", 1, "INTO OUTFILE"]]
