"""`POST /v1/query`: what it answers, and that it ends at its limits and at the tables."""

import io
import threading
import time
from typing import Any

import pyarrow
import pytest

from api.reading import accepted
from schemas.errors import Problem
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
        ("SELECT repeat('x', 1000 + number % 7) FROM numbers(10000)", "size"),
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
        "SELECT * FROM `system`.`tables`",
        "SELECT name FROM events, (SELECT name FROM System . columns) AS columns",
        'SELECT * FROM "information_schema"."tables"',
        "SELECT * FROM merge('system', 'users')",
        "SELECT * FROM executable('id', 'TSV', 'a String')",
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "SELECT * FROM cluster('default', system.one)",
        "SELECT * FROM sqlite('/tmp/x.db', 't')",
        "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
        "WITH x AS (SELECT * FROM url('http://127.0.0.1:1/')) SELECT * FROM x",
        "SELECT file('/etc/passwd')",
        "DESCRIBE file('/etc/passwd', 'LineAsString')",
        "EXPLAIN SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SHOW DATABASES",
        "SHOW TABLES FROM system",
        "SHOW TABLES IN `information_schema`",
        "SHOW COLUMNS FROM users FROM system",
        "EXISTS DATABASE system",
        "SHOW GRANTS",
        "SHOW PROCESSLIST",
        "CREATE TEMPORARY TABLE x (a UInt8)",
        "USE system",
        "BACKUP DATABASE kith TO Null",
        "TRUNCATE TABLE events",
        "EXCHANGE TABLES events AND decisions",
        "RENAME TABLE events TO x",
        "OPTIMIZE TABLE events",
        "INSERT INTO FUNCTION file('/tmp/evil', 'TSV') SELECT 1",
        "SELECT repeat('x', 1000000000)",
        "SELECT count() FROM numbers(1000000) AS a, numbers(1000000) AS b",
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


@pytest.mark.parametrize("name", ["system", "SYSTEM", "information_schema"])
def test_a_parameter_names_none_of_clickhouses_own(api: Api, name: str) -> None:
    for sql in ("SELECT * FROM {d:Identifier}.one", "DESCRIBE {d:Identifier}.{t:Identifier}"):
        answer = ask(api, sql, d=name, t="tables")
        assert (answer.status, answer.json["type"]) == (403, "urn:kith:forbidden")
    assert ask(api, "SELECT count() FROM {t:Identifier}", t="events").status == 200


def test_an_error_of_syntax_is_about_the_statement_that_was_sent(api: Api) -> None:
    answer = ask(api, "SELECT 'x\n' FROM\n (SELECT")
    assert (answer.status, answer.json["type"]) == (400, "urn:kith:invalid-sql")
    assert "Syntax error" in answer.json["detail"]
    assert "formatQuery" not in answer.json["detail"]


def test_integers_beyond_64_bits_are_text(api: Api) -> None:
    sql = "SELECT toUInt256(-1) AS a, toInt128(5) AS b, [toInt128('-9223372036854775809')] AS c"
    assert ask(api, sql).json["rows"] == [[str(2**256 - 1), 5, [str(-(2**63) - 1)]]]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"sql": 1}', b'{"sql": "SELECT 1", "parameters": []}'])
def test_what_is_no_question_gets_a_sentence(api: Api, body: bytes) -> None:
    answer = api.ask("POST", "/v1/query", body)
    assert answer.status in (400, 422)
    assert answer.json["type"].startswith("urn:kith:")


def test_too_long_a_statement_is_refused(api: Api) -> None:
    assert ask(api, "SELECT '" + "x" * 100_000 + "'").status == 422


@pytest.mark.parametrize(
    "sql",
    ["DESCRIBE events", "SHOW TABLES", "EXPLAIN SELECT 1", "(SELECT 1) UNION ALL SELECT 2", "WITH 1 AS x SELECT x"],
)
def test_what_reads_the_tables_is_answered(api: Api, sql: str) -> None:
    assert ask(api, sql).status == 200


@pytest.mark.parametrize("value", ["file", "merge", "errors", "system", "SETTINGS"])
def test_a_value_is_only_a_value(api: Api, value: str) -> None:
    assert ask(api, "SELECT {v:String}", v=value).json["rows"] == [[value]]


def test_a_list_may_be_written_as_clickhouse_does(api: Api) -> None:
    assert ask(api, "SELECT {v:Array(String)}", v="['it\\'s', '\\\\']").json["rows"] == [[["it's", "\\"]]]


def test_words_in_quotes_are_only_words(api: Api) -> None:
    sql = "SELECT 'SETTINGS a = 1', 'it\\'s FORMAT Native', 1 AS settings, $$INTO OUTFILE$$, 'system.x' -- SETTINGS"
    row = ["SETTINGS a = 1", "it's FORMAT Native", 1, "INTO OUTFILE", "system.x"]
    assert ask(api, sql).json["rows"] == [row]


SLOW = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 7"


def test_csv_and_arrow_have_the_same_rows_as_json(api: Api) -> None:
    question = {"sql": "SELECT number AS n, concat('a\"', toString(number)) AS name FROM numbers(3)"}
    csv = api.post("/v1/query", question, accept="text/csv")
    assert csv.headers["content-type"].startswith("text/csv")
    assert csv.body.decode() == '"n","name"\n0,"a""0"\n1,"a""1"\n2,"a""2"\n'
    arrow = api.post("/v1/query", question, accept="application/vnd.apache.arrow.stream")
    table = pyarrow.ipc.open_stream(io.BytesIO(arrow.body)).read_all()
    rows = api.post("/v1/query", question, accept="application/json, text/csv;q=0.5").json["rows"]
    assert [[row["n"], row["name"]] for row in table.to_pylist()] == rows
    # Nothing and an error have a form too.
    assert api.post("/v1/query", {"sql": "SELECT 1 AS x WHERE 0"}, accept="text/csv").body == b'"x"\n'
    wrong = api.post("/v1/query", {"sql": "SELECT nothing FROM nowhere"}, accept="text/csv")
    assert (wrong.status, wrong.json["type"]) == (400, "urn:kith:invalid-sql")
    assert api.post("/v1/query", {"sql": "SELECT 1"}, accept="image/png").status == 406
    many = api.post("/v1/query", {"sql": "SELECT number FROM numbers(10001)"}, accept="text/csv")
    assert (many.status, many.json["limit"]) == (422, "rows")


def until(condition: Any) -> Any:
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def test_a_running_query_says_how_far_it_is_and_can_be_stopped(api: Api) -> None:
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(api.post("/v1/query", {"sql": SLOW, "query_id": "slow-1"})))
    asking.start()

    def progress() -> Any:
        answer = api.get("/v1/query/slow-1")
        return answer.json if answer.status == 200 and answer.json["rows_read"] else None

    assert until(progress)["query_id"] == "slow-1"
    again = api.post("/v1/query", {"sql": SLOW, "query_id": "slow-1"})
    assert (again.status, again.json["type"]) == (409, "urn:kith:conflict")
    assert api.ask("DELETE", "/v1/query/slow-1").status == 202
    asking.join(60)
    assert (answers[0].status, answers[0].json["type"]) == (409, "urn:kith:cancelled")
    until(lambda: api.get("/v1/query/slow-1").status == 404)
    assert api.ask("DELETE", "/v1/query/slow-1").status == 404
    assert api.ask("DELETE", "/v1/query/x'--").status in (404, 422)


def test_a_query_ends_when_its_client_goes_away(api: Api) -> None:
    with pytest.raises(TimeoutError):
        api.post("/v1/query", {"sql": SLOW, "query_id": "left-1"}, timeout_s=1.0)
    until(lambda: api.get("/v1/query/left-1").status == 404)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("application/json;q=0.1, text/csv", "text/csv"),
        ("text/csv;q=0, application/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
    ],
)
def test_the_form_is_the_one_accepted_most_gladly(header: str, chosen: str) -> None:
    assert accepted(header) == chosen


@pytest.mark.parametrize("header", ["image/png", "text/csv;q=0", "text/csv;q=x"])
def test_no_form_is_a_problem(header: str) -> None:
    with pytest.raises(Problem, match="Accept one of"):
        accepted(header)
