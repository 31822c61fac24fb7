"""What an analyst types: curl, in and out, in JSONEachRow, CSV and Parquet."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER

# ruff: noqa: S608 - the tests name their own tables

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl (apt install curl)")


def _curl(http_: Http, *arguments: str, data: bytes = b"") -> bytes:
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--user", f"{USER}:{PASSWORD}", *arguments]
    run = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert run.returncode == 0, (run.stdout, run.stderr)
    return run.stdout


def _url(http_: Http, query: str = "") -> str:
    return f"http://127.0.0.1:{http_.port}/" + (f"?query={query.replace(' ', '%20')}" if query else "")


def test_json_each_row(http_: Http, table: str) -> None:
    rows = b'{"a":1,"b":"one"}\n{"b":"two","a":2}\n{"a":3}\n'
    _curl(http_, _url(http_, f"INSERT INTO {table} FORMAT JSONEachRow"), "--data-binary", "@-", data=rows)
    sql = f"SELECT * FROM {table} ORDER BY a FORMAT JSONEachRow".encode()
    back = _curl(http_, _url(http_), "--data-binary", "@-", data=sql)
    assert [json.loads(line) for line in back.splitlines()] == [
        {"a": 1, "b": "one"},
        {"a": 2, "b": "two"},
        {"a": 3, "b": ""},
    ]


def test_csv_compressed_both_ways(http_: Http, table: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    lines = b"".join(b'%d,"value, %d"\n' % (number, number) for number in range(200_000))
    file.write_bytes(subprocess.run(["gzip", "--stdout"], input=lines, capture_output=True, check=True).stdout)
    # More than a megabyte: curl asks by Expect: 100-continue whether it may send it.
    _curl(
        http_,
        _url(http_, f"INSERT INTO {table} FORMAT CSV"),
        "--header",
        "Content-Encoding: gzip",
        "--header",
        "Expect: 100-continue",
        "--data-binary",
        f"@{file}",
    )
    back = _curl(http_, "--compressed", _url(http_, f"SELECT * FROM {table} ORDER BY a FORMAT CSV"))
    assert back == lines


def test_parquet(http_: Http, table: str) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array(range(1000), pa.uint64()), "b": [f"v{n}" for n in range(1000)]}), buffer)
    url = _url(http_, f"INSERT INTO {table} FORMAT Parquet")
    _curl(http_, url, "--data-binary", "@-", data=buffer.getvalue())
    back = _curl(http_, _url(http_, f"SELECT * FROM {table} ORDER BY a FORMAT Parquet"))
    read = pq.read_table(io.BytesIO(back))
    assert read.column("a").to_pylist() == list(range(1000))
    assert read.column("b").to_pylist()[999] in ("v999", b"v999")


def test_errors_end_curl_with_the_text(http_: Http) -> None:
    command = ["curl", "--silent", "--fail-with-body", "--user", f"{USER}:{PASSWORD}", _url(http_, "SELECT nope")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 22
    assert "UNKNOWN_IDENTIFIER" in run.stdout


def test_an_error_in_the_middle_ends_curl_too(http_: Http) -> None:
    sql = "SELECT throwIf(number = 5000000) FROM numbers(10000000)"
    command = ["curl", "--silent", "--user", f"{USER}:{PASSWORD}", _url(http_), "--data-binary", sql]
    run = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert run.returncode == 18  # a partial file: nobody takes it for the whole
    assert b"__exception__" in run.stdout[-1000:]


def test_http_1_0(http_: Http) -> None:
    assert _curl(http_, "--http1.0", _url(http_, "SELECT 1")) == b"1\n"
    assert len(_curl(http_, "--http1.0", _url(http_, "SELECT number FROM numbers(1000000)"))) == 6_888_890
