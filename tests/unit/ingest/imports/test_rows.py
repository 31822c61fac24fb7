"""Rows of files: every cell as it was written, every fault on its line, nothing else lost."""

import csv
import gzip
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.imports.rows import Format, Line, RowFile, format_of
from schemas.errors import KithError

# What a text file can hold: no lone surrogates; csv's reader takes no NUL.
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def read(
    content: bytes, name: str = "rows.csv", encoding: str = "utf-8-sig", delimiter: str | None = None
) -> list[Line]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        with RowFile(path, None, encoding, delimiter) as rows:
            return list(rows)


@settings(deadline=None)
@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=10), st.sampled_from(["csv", "tsv"]), st.booleans())
def test_cells_are_as_written(table: list[list[str]], form: str, zipped: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="," if form == "csv" else "\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["a", "b"])
    writer.writerows(table)
    content = text.getvalue().encode()
    found = read(gzip.compress(content) if zipped else content, f"rows.{form}{'.gz' * zipped}")
    assert [[line.row["a"], line.row["b"]] for line in found] == table
    assert [line.fault for line in found] == [None] * len(table)
    numbers = [line.line for line in found]
    assert numbers == sorted(set(numbers))


# Larger ones become floats, as in every event.
INTEGERS = st.integers(-(1 << 63), (1 << 64) - 1)


@settings(deadline=None)
@given(st.lists(st.dictionaries(CELL, st.one_of(CELL, INTEGERS, st.none(), st.booleans())), max_size=10))
def test_objects_are_as_written(objects: list[dict[str, object]]) -> None:
    content = "".join(json.dumps(each) + "\n\n" for each in objects).encode()
    found = read(content, "rows.ndjson")
    assert [(line.line, line.row, line.fault) for line in found] == [
        (2 * number + 1, each, None) for number, each in enumerate(objects)
    ]


@pytest.mark.parametrize("content", [b'[{"a": 1}]', b"[\n  {}\n]", b" [ {"])
def test_an_array_is_told_apart_from_lines(content: bytes) -> None:
    with pytest.raises(KithError, match="one JSON array"):
        read(content, "rows.json")


def test_faults_have_their_line_and_cost_no_other() -> None:
    found = read(b'a,b\n1,2\n3\n\n"x\ny",5\n6,7,8\n9,10\n')
    assert [(line.line, bool(line.fault)) for line in found] == [
        (2, False),
        (3, True),
        (5, False),
        (7, True),
        (8, False),
    ]
    assert found[2].row == {"a": "x\ny", "b": "5"}
    assert found[1].fault == "it has 1 cells; the header has 2"


def test_objects_that_are_none_have_their_line() -> None:
    found = read(b'{"a":1}\nnot\n[1]\n{"a":2}\n', "rows.jsonl")
    assert [(line.line, line.fault is None) for line in found] == [(1, True), (2, False), (3, False), (4, True)]


def test_another_encoding_is_told_row_by_row() -> None:
    content = b"a,b\nx,1\n" + "é,2\n".encode("latin-1") + b"y,3\n"
    assert [line.fault is None for line in read(content)] == [True, False, True]
    assert "encoding" in str(read(content)[1].fault)
    assert [line.row["a"] for line in read(content, encoding="latin-1")] == ["x", "é", "y"]


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    assert read("\ufeffa,b\n1,2\n".encode())[0].row == {"a": "1", "b": "2"}


def test_delimiter() -> None:
    assert read(b"a;b\n1;2\n", delimiter=";")[0].row == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "no header"), (b"\n", "no header"), (b"a,a\n1,2\n", "columns twice: a"), (b"\x1f\x8bno gzip", r"rows\.csv")],
)
def test_a_file_without_a_right_header_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(KithError, match=says):
        read(content)


def test_a_file_that_breaks_off_says_so_after_its_rows() -> None:
    content = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(30_000)))
    with pytest.raises(KithError, match="breaks off"):
        read(content[:-1000], "rows.csv.gz")


def test_an_encoding_that_is_none_is_refused() -> None:
    with pytest.raises(KithError, match="no encoding 'utf-9'"):
        read(b"a\n1\n", encoding="utf-9")


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", "csv"), ("a.CSV.gz", "csv"), ("a.tsv", "tsv"), ("a.b.ndjson", "ndjson"), ("a.jsonl.gz", "ndjson")],
)
def test_format_by_name(name: str, form: Format) -> None:
    assert format_of(Path(name)) == form


@pytest.mark.parametrize("name", ["a", "a.xlsx", "a.gz", "csv"])
def test_a_name_that_tells_no_format_is_refused(name: str) -> None:
    with pytest.raises(KithError, match="say its format"):
        format_of(Path(name))
