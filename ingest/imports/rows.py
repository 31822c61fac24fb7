"""The rows of a file: CSV, TSV or NDJSON, gzipped or not, one after another, each with the line it begins on.

Bounded memory: a file is read as far as it is used. What cannot be read as a row is told as such, with its line, and
costs nothing but itself.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, NamedTuple, Self

from ingest.text import NotJsonError, parse
from schemas.errors import KithError

Format = Literal["csv", "tsv", "ndjson", "parquet"]
_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".parquet": "parquet",
}
# A cell of a megabyte is a fault of quoting, not a value; what a longer line has beyond this is not read.
MOST_CELL = 1 << 20
MOST_LINE = 4 << 20
# How a file begins that is one array of objects instead of an object a line.
_ARRAY = re.compile(r"\[\s*(\{|$)")
# What reading a file that was cut, or is none of its kind, ends in.
BROKEN = (OSError, EOFError, UnicodeError, zlib.error)


class Line(NamedTuple):
    """One row: `line` counts from 1; `fault` says why there is no row."""

    line: int
    row: dict[str, Any]
    fault: str | None = None


class RowFile:
    """An open file of rows; a context manager. Raises `KithError` when it cannot be opened.

    With `most`, it ends in an error after so many bytes, inflated where it is compressed.
    """

    def __init__(
        self,
        path: Path,
        form: Format | None,
        encoding: str = "utf-8-sig",
        delimiter: str | None = None,
        most: int | None = None,
    ) -> None:
        self._form = form or format_of(path)
        self._delimiter = delimiter or ("\t" if self._form == "tsv" else ",")
        self._path = path
        self._encoding = encoding
        with ExitStack() as stack:
            self._raw = stack.enter_context(self._open())
            self._text = stack.enter_context(self._decoded(most))
            self._lines = _lines(self._text)
            self._reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
            # The names of the columns; empty for NDJSON, where each row has names of its own.
            self.header: list[str] = [] if self._form == "ndjson" else self._read_header()
            self._closing = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def position(self) -> int:
        """Return how many bytes of the file were read so far, compressed ones where it is compressed."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[Line]:
        """Yield every row. Raises `KithError` when the file breaks off."""
        rows = self._objects() if self._form == "ndjson" else self._cells()
        try:
            for line in rows:
                if line.fault is None and any(_is_broken(value) for value in line.row.values()):
                    line = line._replace(fault=f"it is not {self._encoding}: set `encoding` in the mapping")
                yield line
        except BROKEN as error:
            raise KithError(
                f"{self._path} breaks off ({error}): get it whole and run the same command again."
            ) from error

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise KithError(f"{self._path} cannot be read: {error}") from error

    def _decoded(self, most: int | None) -> io.TextIOWrapper:
        zipped = self._raw.read(2) == b"\x1f\x8b"
        self._raw.seek(0)
        content: Any = gzip.GzipFile(fileobj=self._raw) if zipped else self._raw
        if most is not None:
            content = io.BufferedReader(_Capped(content, most), 1 << 16)
        try:
            # What is not in this encoding becomes a fault of its row, not the end of the import.
            return io.TextIOWrapper(content, encoding=self._encoding, errors="surrogateescape", newline="")
        except LookupError:
            raise KithError(f"There is no encoding {self._encoding!r}: correct `encoding` in the mapping.") from None

    def _objects(self) -> Iterator[Line]:
        for number, text in enumerate(self._lines, 1):
            if not text.strip():
                continue
            if number == 1 and _ARRAY.match(text.lstrip()):
                raise KithError(f"{self._path.name} is one JSON array: make each item a line, as `jq -c '.[]'` does.")
            if _is_broken(text):
                yield Line(number, {}, f"it is not {self._encoding}: set `encoding` in the mapping")
                continue
            try:
                row = parse(text.encode("utf-8", "surrogatepass"))
            except NotJsonError as error:
                yield Line(number, {}, f"it is no JSON: {error}")
                continue
            yield Line(number, row) if isinstance(row, dict) else Line(number, {}, "it is no JSON object")

    def _cells(self) -> Iterator[Line]:
        csv.field_size_limit(MOST_CELL)
        header = self.header
        while True:
            number = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(number, {}, f"it is no {self._form.upper()}: {error}")
                continue
            if not cells:
                continue
            if len(cells) != len(header):
                yield Line(number, {}, f"it has {len(cells)} cells; the header has {len(header)}")
                continue
            yield Line(number, dict(zip(header, cells, strict=True)))

    def _read_header(self) -> list[str]:
        try:
            header = [name.strip() for name in next(self._reader, [])]
        except (csv.Error, *BROKEN) as error:
            raise KithError(f"{self._path}: the header cannot be read: {error}") from error
        if any(map(_is_broken, header)):
            raise KithError(f"{self._path.name}: the header is not {self._encoding}: set `encoding` in the mapping.")
        if not any(header):
            raise KithError(f"{self._path} has no header: its first line must name the columns.")
        if doubles := sorted({name for name in header if header.count(name) > 1}):
            raise KithError(f"{self._path}: the header has columns twice: {', '.join(doubles)}.")
        return header


def format_of(path: Path) -> Format:
    """Return the format that a file's name tells. Raises `KithError` when it tells none."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] == ".gz":
        endings.pop()
    form = _ENDINGS.get(endings[-1]) if endings else None
    if form is None:
        raise KithError(f"{path.name}: name it .csv, .tsv, .ndjson or .parquet, or say its format.")
    return form


class _Capped(io.RawIOBase):
    """A stream that ends in an error after `most` bytes."""

    def __init__(self, content: Any, most: int) -> None:
        self._content = content
        self._left = most
        self._most = most

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`. Raises `OSError` when there were more bytes than may be."""
        data = self._content.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise OSError(f"it has more than {self._most} bytes")
        buffer[: len(data)] = data
        return len(data)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines with their ends, the longest without what lies beyond `MOST_LINE`."""
    while line := text.readline(MOST_LINE):
        rest = line
        while len(rest) == MOST_LINE and not rest.endswith("\n"):
            rest = text.readline(MOST_LINE)
        yield line


def _is_broken(value: Any) -> bool:
    return (
        isinstance(value, str) and not value.isascii() and any("\udc80" <= character <= "\udcff" for character in value)
    )
