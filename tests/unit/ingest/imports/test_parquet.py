"""Rows of Parquet are those that were written, as JSON has them; what is no Parquet says so."""

import datetime
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from ingest.imports import parquet as module
from ingest.imports.files import format_in, open_rows
from schemas.errors import KithError


def written(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, **options)
    return path


def test_every_type_as_json_has_it(tmp_path: Path) -> None:
    utc = datetime.timezone.utc
    row = {
        "text": "é",
        "integer": 7,
        "number": 1.5,
        "truth": True,
        "nothing": None,
        "decimal": Decimal("12.50"),
        "at": datetime.datetime(2026, 1, 31, 10, 15, tzinfo=utc),
        "day": datetime.date(2026, 1, 31),
        "bytes": b"plain",
        "raw": b"\xff\x00",
        "list": [1, 2],
        "object": {"a": {"b": 1}},
    }
    path = written(tmp_path / "x.parquet", [row])
    with open_rows(path, None) as rows:
        assert rows.header == list(row)
        ((line, found, fault),) = list(rows)
        assert rows.position == path.stat().st_size
    assert (line, fault) == (1, None)
    assert orjson.loads(orjson.dumps(found)) == {
        **row,
        "decimal": "12.50",
        "at": "2026-01-31T10:15:00+00:00",
        "day": "2026-01-31",
        "bytes": "plain",
        "raw": "/wA=",
    }
    assert format_in(path) == "parquet"


def test_rows_come_in_order_over_batches_and_groups(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", [{"n": number} for number in range(2500)], row_group_size=700)
    with open_rows(path, "parquet") as rows:
        assert [(line, row["n"]) for line, row, _ in rows] == [(number + 1, number) for number in range(2500)]


def test_a_group_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_GROUP_BYTES", 10)
    path = written(tmp_path / "x.parquet", [{"n": number} for number in range(100)])
    with pytest.raises(KithError, match="smaller row groups"):
        open_rows(path, "parquet")


@given(st.binary(max_size=200), st.integers(0, 500))
def test_rubbish_is_told(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes, at: int) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    good = written(folder / "good.parquet", [{"n": number, "t": "x" * 50} for number in range(50)]).read_bytes()
    for content in (rubbish, b"PAR1" + rubbish + b"PAR1", good[:at] + rubbish + good[at + len(rubbish) :], good[:at]):
        path = folder / "bad.parquet"
        path.write_bytes(content)
        with suppress(KithError), open_rows(path, "parquet") as rows:
            list(rows)
