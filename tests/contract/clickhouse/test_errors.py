"""ClickHouse's codes, names, texts and statuses; before, and after the first bytes."""

# ruff: noqa: S608 - the tests name their own tables

import http.client
import socket
from typing import Any

import pytest

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER

_LONG = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


@pytest.mark.parametrize(
    ("sql", "params", "status", "code", "name", "text"),
    [
        ("SELEC 1", {}, 400, 62, "SYNTAX_ERROR", "failed at position 1 (SELEC)"),
        ("SELECT 1 +", {}, 400, 62, "SYNTAX_ERROR", "(end of query)"),
        ("SELECT 1 LIMIT 1 LIMIT", {}, 400, 62, "SYNTAX_ERROR", "Syntax error"),
        ("SELECT 1; SELECT 2", {}, 400, 62, "SYNTAX_ERROR", "Multi-statements are not allowed"),
        ("", {}, 400, 62, "SYNTAX_ERROR", "Empty query"),
        ("SELECT * FROM nowhere", {}, 404, 60, "UNKNOWN_TABLE", "nowhere"),
        ("INSERT INTO nowhere FORMAT CSV\n1", {}, 404, 60, "UNKNOWN_TABLE", "default.nowhere"),
        ("SELECT * FROM nodb.t", {}, 404, 81, "UNKNOWN_DATABASE", "nodb"),
        ("SELECT nope", {}, 404, 47, "UNKNOWN_IDENTIFIER", "nope"),
        ("SELECT nope()", {}, 404, 46, "UNKNOWN_FUNCTION", "nope"),
        ("SELECT CAST(1 AS Nope)", {}, 404, 50, "UNKNOWN_TYPE", "Nope"),
        ("SELECT 1 FORMAT Nope", {}, 404, 73, "UNKNOWN_FORMAT", "Nope"),
        ("SELECT toInt32('x')", {}, 400, 6, "CANNOT_PARSE_TEXT", "Int32"),
        ("SELECT 1 / throwIf(1)", {}, 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", "throwIf"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", {}, 500, 358, "INTO_OUTFILE_NOT_ALLOWED", "not allowed"),
        ("SELECT * FROM Python(sys)", {}, 404, 46, "UNKNOWN_FUNCTION", "Python"),
        ("SYSTEM SHUTDOWN", {}, 403, 497, "ACCESS_DENIED", "kith: Not enough privileges"),
        (_LONG, {"max_execution_time": "0.2"}, 408, 159, "TIMEOUT_EXCEEDED", "Timeout exceeded"),
        (f"EXPLAIN SELECT ({_LONG})", {"max_execution_time": "0.2"}, 408, 159, "TIMEOUT_EXCEEDED", "Timeout exceeded"),
        (
            "SELECT length(groupArray(number)) FROM numbers(100000000)",
            {"max_memory_usage": "10000000"},
            500,
            241,
            "MEMORY_LIMIT_EXCEEDED",
            "memory limit exceeded",
        ),
        ("SELECT 1", {"default_format": "Nope"}, 404, 73, "UNKNOWN_FORMAT", "Nope"),
        ("SELECT 1", {"max_threads": "many"}, 400, 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", "many"),
        ("SELECT 1", {"role": "admin"}, 403, 512, "SET_NON_GRANTED_ROLE", "admin"),
        ("SELECT 1", {"buffer_size": "much"}, 400, 72, "CANNOT_PARSE_NUMBER", "much"),
        ("SELECT 1", {"decompress": "1"}, 500, 32, "ATTEMPT_TO_READ_AFTER_EOF", "cut off"),
    ],
)
def test_the_table_of_codes(
    http_: Http, sql: str, params: dict[str, Any], status: int, code: int, name: str, text: str
) -> None:
    answer = http_.query(sql, **params)
    assert (answer.status, answer.code) == (status, code), answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert f" ({name}) (version 26." in answer.text
    assert answer.text.endswith(" (official build))\n")
    assert text in answer.text
    assert "/dev/fd" not in answer.text
    assert answer.text.count("DB::Exception") == 1


def test_data_that_does_not_fit_inserts_nothing(http_: Http, table: str) -> None:
    for format_, data in (
        ("CSV", b"1,a\nx,b\n"),
        ("JSONEachRow", b'{"a":1}\n{"a":'),
        ("Native", b"\x01\x05nonsense"),
        ("RowBinary", b"\x01"),
        ("Values", b"(1, 'a'), (2"),
        ("Parquet", b"not parquet at all"),
    ):
        answer = http_.query(f"INSERT INTO {table} FORMAT {format_}", data)
        assert answer.status >= 400, (format_, answer)
        assert answer.code > 0
    assert http_.ask(f"SELECT count() FROM {table}") == "0\n"


@pytest.mark.parametrize(
    ("params", "headers"),
    [({}, {}), ({"compress": 1}, {}), ({}, {"Accept-Encoding": "gzip"}), ({"wait_end_of_query": 1}, {})],
)
def test_an_error_after_the_first_bytes(
    http_: Http, request: pytest.FixtureRequest, params: dict[str, int], headers: dict[str, str]
) -> None:
    """The body ends with a block that the response's own tag marks, and breaks off; or nothing was sent yet."""
    sql = b"SELECT number, throwIf(number = 5000000) FROM numbers(20000000) FORMAT JSONEachRow"
    connection = http.client.HTTPConnection("127.0.0.1", http_.port, timeout=60)
    request.addfinalizer(connection.close)
    target = "/?" + "&".join(f"{name}={value}" for name, value in params.items())
    connection.request("POST", target, sql, {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD, **headers})
    response = connection.getresponse()
    tag = response.headers["X-ClickHouse-Exception-Tag"]
    if "wait_end_of_query" in params:
        body = response.read()
        assert response.status == 500
        assert response.headers["X-ClickHouse-Exception-Code"] == "395"
        assert body.startswith(b"Code: 395. DB::Exception")
        return
    assert response.status == 200
    with pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    if params or headers:
        return
    body = cut.value.partial
    assert len(tag) == 16
    assert tag.islower()
    assert tag.isalnum()
    rows, opening, rest = body.rpartition(f"\r\n__exception__\r\n{tag}\r\n".encode())
    assert opening
    assert rows.startswith(b'{"number":0,')
    text, _, length = rest.partition(f" {tag}\r\n__exception__\r\n".encode())[0].rpartition(b"\n")
    assert text.startswith(b"Code: 395. DB::Exception: Value passed to 'throwIf'")
    assert int(length) == len(text) + 1


def test_what_is_not_http_costs_its_connection_only(http_: Http) -> None:
    with socket.create_connection(("127.0.0.1", http_.port)) as raw:
        raw.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 400")
    assert http_.ask("SELECT 1") == "1\n"


def test_a_body_that_is_not_http_is_an_error(http_: Http) -> None:
    with socket.create_connection(("127.0.0.1", http_.port)) as raw:
        target = f"/?user={USER}&password={PASSWORD}"
        raw.sendall(f"POST {target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
        assert raw.recv(10_000).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "param", ["param_x", "max_threads", "database", "default_format", "query_id", "session_id", "user", "no_such"]
)
def test_bytes_that_are_no_text_get_an_answer(http_: Http, param: str) -> None:
    with socket.create_connection(("127.0.0.1", http_.port)) as raw:
        sql = b"SELECT {x:String}" if param == "param_x" else b"SELECT 1"
        head = f"POST /?{param}=%ff%00&user={USER}&password={PASSWORD} HTTP/1.1\r\nContent-Length: {len(sql)}\r\n\r\n"
        raw.sendall(head.encode() + sql)
        assert raw.recv(10_000).startswith(b"HTTP/1.1 ")
    assert http_.ask("SELECT 1") == "1\n"


def test_no_value_of_a_request_becomes_a_header(http_: Http) -> None:
    answer = http_.query("SELECT 1", query_id="x\r\nX-Injected: 1")
    assert "x-injected" not in answer.headers
    answer = http_.query("SELECT 1", default_format="CSV\r\nX-Injected: 1")
    assert "x-injected" not in answer.headers


def test_a_connection_survives_its_errors(http_: Http) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", http_.port, timeout=10)
    for _ in range(3):
        connection.request("POST", f"/?user={USER}&password={PASSWORD}", b"SELECT nope")
        assert connection.getresponse().read()
        connection.request("POST", "/?user=nobody&query=INSERT+INTO+t+FORMAT+CSV", b"1\n" * 100_000)
        assert connection.getresponse().read().startswith(b"Code: 516")
        connection.request("POST", f"/?user={USER}&password={PASSWORD}", b"SELECT 1")
        assert connection.getresponse().read() == b"1\n"
    connection.close()
