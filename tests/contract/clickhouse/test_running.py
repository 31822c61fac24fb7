"""Statements under way: many at once, stopped by their clients, by KILL and by the server's own end."""

# ruff: noqa: S608 - the tests name their own tables

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER, clickhouse_process

_ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


def _others(http_: Http) -> int:
    return int(http_.ask("SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%'"))


def _until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds
        time.sleep(0.02)


def test_queries_run_side_by_side(http_: Http) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: http_.ask("SELECT sleep(1)"), range(16)))
    assert answers == ["0\n"] * 16
    assert time.monotonic() - begun < 12  # one after the other would take 16


@pytest.mark.parametrize(
    "sql",
    [
        _ENDLESS,  # computes, sends nothing
        f"EXPLAIN SELECT ({_ENDLESS})",  # the same, without a pipe
        "SELECT number FROM numbers(1000000000000)",  # sends without end
        "SELECT number FROM numbers(1000000000000) FORMAT Parquet",
    ],
)
def test_a_client_that_goes_away_stops_its_query(http_: Http, sql: str) -> None:
    raw = socket.create_connection(("127.0.0.1", http_.port))
    head = f"POST /?user={USER}&password={PASSWORD} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
    raw.sendall(head.encode())
    _until(lambda: _others(http_) == 1)
    raw.close()
    _until(lambda: _others(http_) == 0)


def test_a_client_that_breaks_off_inserts_nothing(http_: Http, table: str) -> None:
    raw = socket.create_connection(("127.0.0.1", http_.port))
    target = f"/?user={USER}&password={PASSWORD}&query=INSERT+INTO+{table}+FORMAT+TabSeparated"
    raw.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode() + b"1\ta\n" * 100)
    time.sleep(0.2)
    raw.close()
    time.sleep(0.3)
    assert http_.ask(f"SELECT count() FROM {table}") == "0\n"


def test_kill_query_by_the_clients_id(http_: Http) -> None:
    with ThreadPoolExecutor(2) as pool:
        for number, sql in enumerate((_ENDLESS, f"EXPLAIN SELECT ({_ENDLESS})")):
            name = f"kill'me-{number}"
            running = pool.submit(http_.query, sql, query_id=name)
            _until(lambda: _others(http_) == 1)
            assert http_.query("SELECT 1", query_id=name).code == 216
            escaped = name.replace("'", "\\'")
            row = http_.ask(f"KILL QUERY WHERE query_id = '{escaped}' SYNC FORMAT JSONCompactEachRow")
            assert row.startswith(f'["finished", "{name}", "kith", "{sql[:14]}')
            answer = running.result(timeout=60)
            assert (answer.status, answer.code) == (500, 394)
    assert http_.ask("KILL QUERY WHERE query_id = 'not there' SYNC") == ""


def test_progress_keeps_a_waiting_client_informed(http_: Http) -> None:
    slow = "SELECT sum(sleepEachRow(0.05)) FROM numbers(20)"
    for sql, end in (
        (f"{slow} SETTINGS max_block_size = 1", b"0\n"),
        (f"CREATE TABLE slow ENGINE = Memory AS {slow} SETTINGS max_block_size = 1", b""),
    ):
        raw = socket.create_connection(("127.0.0.1", http_.port))
        target = (
            f"/?user={USER}&password={PASSWORD}&send_progress_in_http_headers=1&http_headers_progress_interval_ms=100"
        )
        raw.sendall(f"POST {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode())
        text = b""
        while chunk := raw.recv(65536):
            text += chunk
        raw.close()
        head, _, body = text.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"HTTP/1.1 200 OK"
        assert sum(line.startswith(b'X-ClickHouse-Progress: {"read_rows":"') for line in lines) >= 3
        assert any(line.startswith(b"X-ClickHouse-Summary: ") for line in lines)
        assert end in body
    http_.ask("DROP TABLE slow SYNC")


def test_a_clean_stop_answers_what_runs_and_stops_what_would_not_end(tmp_path: Path) -> None:
    with clickhouse_process(tmp_path) as process:
        http_ = Http(process.port)
        idle = socket.create_connection(("127.0.0.1", process.port))
        with ThreadPoolExecutor(2) as pool:
            short = pool.submit(http_.ask, "SELECT sleep(1)")
            endless = pool.submit(http_.query, _ENDLESS)
            time.sleep(0.5)
            begun = time.monotonic()
            process.process.terminate()
            assert short.result(timeout=60) == "0\n"
            assert endless.result(timeout=60).code == 394
        assert process.process.wait(timeout=60) == 0
        assert time.monotonic() - begun < 40
        idle.close()


def test_a_clean_stop_does_not_wait_for_clients_that_stall(tmp_path: Path) -> None:
    with clickhouse_process(tmp_path) as process:
        http_ = Http(process.port)
        http_.ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        sending, reading = (socket.create_connection(("127.0.0.1", process.port)) for _ in range(2))
        target = f"/?user={USER}&password={PASSWORD}"
        insert = (
            f"POST {target}&query=INSERT+INTO+t+FORMAT+CSV HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n"
        )
        sending.sendall(insert.encode())
        sql = "SELECT number FROM numbers(1000000000000)"
        reading.sendall(f"POST {target} HTTP/1.1\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode())
        _until(lambda: _others(http_) == 2)
        process.process.terminate()
        assert process.process.wait(timeout=30) == 0
        sending.close()
        reading.close()
    with clickhouse_process(tmp_path) as process:
        assert Http(process.port).ask("SELECT count() FROM t") == "0\n"


def test_kill_stops_an_insert(http_: Http, table: str) -> None:
    raw = socket.create_connection(("127.0.0.1", http_.port))
    target = f"/?user={USER}&password={PASSWORD}&query_id=endless-insert&query=INSERT+INTO+{table}+FORMAT+TabSeparated"
    raw.sendall(f"POST {target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    piece = b"1\ta\n" * 50_000
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    for _ in range(10):
        raw.sendall(chunk)
    _until(lambda: _others(http_) == 1)
    assert "finished" in http_.ask("KILL QUERY WHERE query_id = 'endless-insert' SYNC")
    raw.sendall(chunk + b"0\r\n\r\n")
    answer = raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"X-ClickHouse-Exception-Code: 394" in answer
    raw.close()
    assert http_.ask(f"SELECT count() FROM {table}") == "0\n"


def test_threads_do_not_pile_up(http_: Http) -> None:
    def connect_and_ask() -> None:
        for _ in range(20):
            assert http_.ask("SELECT number FROM numbers(10)").count("\n") == 10

    threads = [threading.Thread(target=connect_and_ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _others(http_) == 0
