"""Results larger than anything that is held in memory."""

# ruff: noqa: S608 - the tests name their own tables

import socket
import time
from pathlib import Path

import pytest

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER, ClickHouse

_ROWS = 30_000_000  # 270 MB of TSV
_SMALL_GROUPS = "&output_format_parquet_row_group_size=100000"  # Parquet holds a group in memory, whoever writes it


def _open(http_: Http, sql: str, more: str = "") -> socket.socket:
    raw = socket.create_connection(("127.0.0.1", http_.port))
    target = f"/?user={USER}&password={PASSWORD}{more}"
    raw.sendall(f"POST {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode())
    return raw


@pytest.mark.parametrize("format_", ["TabSeparated", "JSON", "ArrowStream", "Parquet"])
def test_a_large_result_needs_no_memory(clickhouse: ClickHouse, http_: Http, format_: str) -> None:
    assert http_.query("SELECT number FROM numbers(1000000) FORMAT " + format_).status == 200
    before, peak, size = clickhouse.resident_bytes(), 0, 0
    raw = _open(http_, f"SELECT number, toString(number) FROM numbers({_ROWS}) FORMAT {format_}", _SMALL_GROUPS)
    while chunk := raw.recv(1 << 20):
        size += len(chunk)
        peak = max(peak, clickhouse.resident_bytes())
    raw.close()
    assert size > (100_000_000 if format_ == "Parquet" else 200_000_000)
    assert peak - before < 150_000_000


def test_a_slow_client_slows_its_query(clickhouse: ClickHouse, http_: Http) -> None:
    before = clickhouse.resident_bytes()
    raw = _open(http_, "SELECT number FROM numbers(1000000000000)")
    raw.recv(100_000)
    time.sleep(0.5)

    def rows() -> int:
        return int(http_.ask("SELECT max(read_rows) FROM system.processes WHERE query LIKE '%1000000000000%'"))

    held = rows()
    time.sleep(0.5)
    assert rows() == held  # nobody reads: nothing is computed
    assert clickhouse.resident_bytes() - before < 100_000_000
    raw.close()


def test_waiting_for_the_end_needs_no_memory_either(clickhouse: ClickHouse, http_: Http) -> None:
    before, peak, size = clickhouse.resident_bytes(), 0, 0
    raw = _open(http_, f"SELECT number FROM numbers({_ROWS})", "&wait_end_of_query=1")
    while chunk := raw.recv(1 << 20):
        size += len(chunk)
        peak = max(peak, clickhouse.resident_bytes())
    raw.close()
    assert size > 200_000_000
    assert peak - before < 150_000_000


def test_a_large_insert_needs_little(clickhouse: ClickHouse, http_: Http, table: str, tmp_path: Path) -> None:
    before, peak = clickhouse.resident_bytes(), 0
    raw = socket.create_connection(("127.0.0.1", http_.port))
    target = (
        f"/?user={USER}&password={PASSWORD}&query=INSERT+INTO+{table}+FORMAT+TabSeparated&max_insert_block_size=100000"
    )
    target += "&min_insert_block_size_rows=100000"
    piece = b"".join(b"%d\tvalue\n" % number for number in range(100_000))
    raw.sendall(f"POST {target} HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for _ in range(100):
        raw.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        peak = max(peak, clickhouse.resident_bytes())
    raw.sendall(b"0\r\n\r\n")
    assert raw.recv(65536).startswith(b"HTTP/1.1 200 OK")
    raw.close()
    assert http_.ask(f"SELECT count() FROM {table}") == "10000000\n"
    assert peak - before < 250_000_000
