"""Where a statement may stand, what may go with it, and what comes back with its result."""

# ruff: noqa: S608 - the tests name their own tables

import json
import socket
from typing import Any

import pytest

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER

_KEY = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}


def test_a_statement_in_the_body_in_the_url_and_in_both(http_: Http) -> None:
    assert http_.ask("SELECT 1") == "1\n"
    assert http_.send("GET", headers=_KEY, query="SELECT 1").text == "1\n"
    assert http_.query("SELECT", b"2").text == "2\n"
    assert http_.query("SELECT 3", b"").text == "3\n"
    assert http_.query("SELECT 'a", b"b'").text == "a\\nb\n"  # a line break lies between the two


def test_data_after_the_statement(http_: Http, table: str) -> None:
    http_.ask(f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')")
    http_.ask(f'INSERT INTO {table} FORMAT JSONEachRow\n{{"a": 3, "b": "three"}}')
    assert http_.query(f"INSERT INTO {table} FORMAT CSV", b'4,"fo,ur"\n5,five\n').status == 200
    assert http_.query(f"INSERT INTO {table} (b, a) FORMAT TabSeparated\n", b"six\t6\n").status == 200
    assert http_.query(f"INSERT INTO {table} VALUES", b"(7, 'seven')").status == 200
    assert http_.query(f"INSERT INTO {table}", b"FORMAT CSV\n8,eight").status == 200
    rows = http_.ask(f"SELECT * FROM {table} ORDER BY a FORMAT CSV")
    assert rows == '1,"one"\n2,"two"\n3,"three"\n4,"fo,ur"\n5,"five"\n6,"six"\n7,"seven"\n8,"eight"\n'


def test_an_insert_may_select_from_its_data(http_: Http, table: str) -> None:
    sql = f"INSERT INTO {table} SELECT x * 10, upper(y) FROM input('x UInt64, y String') FORMAT CSV"
    assert http_.query(sql, b"1,a\n2,b\n").status == 200
    assert http_.ask(f"SELECT * FROM {table} ORDER BY a") == "10\tA\n20\tB\n"


def test_parameters_are_values_not_text(http_: Http, table: str) -> None:
    hostile = "x'; DROP TABLE t; --\\\t\n"
    escaped = hostile.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    assert json.loads(http_.ask("SELECT {p:String} FORMAT JSONCompactEachRow", param_p=escaped)) == [hostile]
    assert http_.ask("SELECT {a:Array(String)}[2], {d:Date} + 1", param_a="['x','y']", param_d="2026-01-31") == (
        "y\t2026-02-01\n"
    )
    http_.ask(f"INSERT INTO {table} VALUES ({{n:UInt64}}, {{s:String}})", param_n=9, param_s="nine")
    assert http_.ask("SELECT b FROM {t:Identifier} WHERE a = {n:UInt64}", param_t=table, param_n=9) == "nine\n"
    assert http_.query("SELECT {missing:UInt8}").code == 456


def test_settings_in_the_url_hold_for_one_query(http_: Http) -> None:
    assert http_.ask("SELECT getSetting('max_block_size')", max_block_size=77) == "77\n"
    assert http_.ask("SELECT getSetting('max_block_size')") == "65409\n"
    assert http_.ask("SELECT name FROM system.settings WHERE changed AND name = 'max_block_size'") == ""
    answer = http_.query("SELECT 1", no_such_setting=1)
    assert (answer.status, answer.code) == (404, 115)


def test_settings_of_a_statement_win(http_: Http) -> None:
    assert http_.ask("SELECT getSetting('max_threads') SETTINGS max_threads = 3", max_threads=2) == "3\n"


def test_database_and_format(http_: Http) -> None:
    assert http_.ask("SELECT currentDatabase()", database="system") == "system\n"
    assert http_.ask("SELECT currentDatabase()") == "default\n"
    assert http_.query("SELECT 1", database="nowhere").code == 81
    header = {**_KEY, "X-ClickHouse-Database": "system", "X-ClickHouse-Format": "CSV"}
    answer = http_.send("POST", body=b"SELECT currentDatabase(), 1", headers=header, database="default")
    assert answer.text == '"system",1\n'
    assert http_.ask("SELECT 1 AS x", default_format="JSONEachRow") == '{"x":1}\n'
    assert http_.ask("SELECT 1 AS x FORMAT CSVWithNames", default_format="JSONEachRow") == '"x"\n1\n'


@pytest.mark.parametrize(
    ("format_", "media_type"),
    [
        ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
        ("CSV", "text/csv; charset=UTF-8; header=absent"),
        ("CSVWithNames", "text/csv; charset=UTF-8; header=present"),
        ("JSON", "application/json; charset=UTF-8"),
        ("JSONCompact", "application/json; charset=UTF-8"),
        ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
        ("XML", "application/xml; charset=UTF-8"),
        ("Native", "application/octet-stream"),
        ("RowBinaryWithNamesAndTypes", "application/octet-stream"),
        ("Parquet", "application/octet-stream"),
        ("Arrow", "application/octet-stream"),
        ("ORC", "application/octet-stream"),
        ("Pretty", "text/plain; charset=UTF-8"),
        ("Vertical", "text/plain; charset=UTF-8"),
        ("Null", "text/plain; charset=UTF-8"),
    ],
)
def test_every_format_has_its_media_type(http_: Http, format_: str, media_type: str) -> None:
    for sql in ("SELECT number FROM numbers(3)", "SHOW DATABASES"):  # through the pipe, and whole
        answer = http_.query(f"{sql} FORMAT {format_}")
        assert answer.status == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["x-clickhouse-format"] == format_
        assert bool(answer.body) == (format_ != "Null")


def test_a_result_is_the_same_by_every_way(http_: Http) -> None:
    sql = "SELECT number % 3 AS k, sum(number) AS s FROM numbers(1000) GROUP BY k WITH TOTALS ORDER BY k"
    for format_ in ("JSON", "CSVWithNames", "TabSeparated", "Native", "XML", "Parquet"):
        quiet: dict[str, Any] = {"output_format_write_statistics": 0}
        named = http_.query(f"{sql} FORMAT {format_}", **quiet).body
        assert http_.query(sql, default_format=format_, **quiet).body == named
        assert http_.query(sql, default_format=format_, wait_end_of_query=1, **quiet).body == named
    totals = json.loads(http_.ask(f"{sql} FORMAT JSON"))
    assert totals["totals"] == {"k": 0, "s": 499500}
    assert totals["statistics"]["rows_read"] == 1000


def test_headers_tell_what_was_done(http_: Http, table: str) -> None:
    answer = http_.query(f"INSERT INTO {table} FORMAT CSV", b"1,a\n2,b\n3,c\n", query_id="insert-1")
    summary = json.loads(answer.headers["x-clickhouse-summary"])
    assert answer.headers["x-clickhouse-query-id"] == "insert-1"
    assert (summary["written_rows"], summary["result_rows"]) == ("3", "3")
    answer = http_.query(f"INSERT INTO {table} SELECT number, '' FROM numbers(7)")
    assert json.loads(answer.headers["x-clickhouse-summary"])["written_rows"] == "7"
    answer = http_.query(f"SELECT * FROM {table} WHERE a = 1")
    summary = json.loads(answer.headers["x-clickhouse-summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("10", "2")
    assert answer.headers["x-clickhouse-timezone"] == "UTC"
    assert answer.headers["x-clickhouse-server-display-name"]
    assert "x-clickhouse-format" not in http_.query(f"TRUNCATE TABLE {table}").headers


def test_materialized_views_count_as_written(http_: Http, table: str) -> None:
    http_.ask(f"CREATE TABLE {table}_copy (a UInt64) ENGINE = MergeTree ORDER BY a")
    http_.ask(f"CREATE MATERIALIZED VIEW {table}_view TO {table}_copy AS SELECT a FROM {table}")
    answer = http_.query(f"INSERT INTO {table} FORMAT CSV", b"1,a\n2,b\n")
    assert json.loads(answer.headers["x-clickhouse-summary"])["written_rows"] == "4"
    http_.ask(f"DROP VIEW {table}_view SYNC")
    http_.ask(f"DROP TABLE {table}_copy SYNC")


def test_get_only_reads(http_: Http, table: str) -> None:
    for sql in (f"INSERT INTO {table} VALUES (1, 'x')", f"DROP TABLE {table}", "CREATE DATABASE nope"):
        answer = http_.send("GET", headers=_KEY, query=sql)
        assert (answer.status, answer.code) == (500, 164)
    assert http_.send("HEAD", headers=_KEY, query="SELECT 1").body == b""
    assert http_.ask(f"SELECT count() FROM {table}") == "0\n"


def test_a_token_makes_an_insert_count_once(http_: Http, table: str) -> None:
    http_.ask(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 100")
    for token, rows in (("first", b"1,a\n"), ("first", b"1,a\n"), ("second", b"2,b\n")):
        sql = f"INSERT INTO {table} FORMAT CSV"
        assert http_.query(sql, rows, insert_deduplication_token=token).status == 200
    assert http_.ask(f"SELECT arraySort(groupArray(a)) FROM {table}") == "[1,2]\n"


def test_external_tables(http_: Http) -> None:
    body = (
        b'--BB\r\nContent-Disposition: form-data; name="ext"; filename="ext.tsv"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n1\tone\n2\ttwo\n\r\n--BB--\r\n"
    )
    kind = {**_KEY, "Content-Type": "multipart/form-data; boundary=BB"}
    sql = "SELECT number, s FROM numbers(5) AS n JOIN ext ON n.number = a ORDER BY number"
    answer = http_.send("POST", body=body, headers=kind, query=sql, ext_structure="a UInt64, s String")
    assert answer.text == "1\tone\n2\ttwo\n"
    answer = http_.send("POST", body=body, headers=kind, query="SELECT sum(_1) FROM ext", ext_types="UInt64,String")
    assert answer.text == "3\n"
    assert http_.send("POST", body=body, headers=kind, query="SELECT 1 FROM ext").code == 36
    wrong = http_.send("POST", body=body, headers=kind, query="SELECT 1", ext_structure="a String, b UInt8")
    assert wrong.status == 400
    assert http_.query("SELECT 1 FROM ext").code == 60  # it is gone


def test_a_trailing_semicolon_and_comments_are_harmless(http_: Http) -> None:
    assert http_.ask("SELECT 1;") == "1\n"
    assert http_.ask("-- first\nSELECT /* nested /* twice */ */ 2 ; -- last\n") == "2\n"
    assert http_.ask("SELECT ';', 'FORMAT CSV' FORMAT JSONCompactEachRow;") == '[";", "FORMAT CSV"]\n'


def test_pages(http_: Http) -> None:
    for path in ("/", "/ping", "/replicas_status"):
        assert (http_.send("GET", path).status, http_.send("GET", path).text) == (200, "Ok.\n")
    assert http_.send("GET", "/healthz").status == 200
    assert http_.send("GET", "/readyz").status == 200
    assert b"kith_clickhouse_query_seconds_bucket" in http_.send("GET", "/metrics").body
    assert http_.send("GET", "/nowhere").status == 404
    assert "There is no handle /nowhere" in http_.send("GET", "/nowhere").text
    assert http_.send("POST", "/ping", body=b"x").status == 405
    assert http_.send("GET", "/", wait_end_of_query=1).text == "Ok.\n"
    assert http_.send("OPTIONS", "/", query="SELECT 1").status == 204
    for method in ("PUT", "DELETE", "PATCH"):
        assert http_.send(method, "/", headers=_KEY, query="CREATE DATABASE by_another_method").status == 405
    assert "by_another_method" not in http_.ask("SHOW DATABASES")


def test_a_client_may_close_its_side_and_wait(http_: Http) -> None:
    for sql in ("SELECT sleep(0.2)", "SHOW DATABASES"):
        with socket.create_connection(("127.0.0.1", http_.port)) as raw:
            target = f"/?user={USER}&password={PASSWORD}"
            raw.sendall(f"POST {target} HTTP/1.0\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode())
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(10_000).startswith(b"HTTP/1.1 200 OK")
