"""Opening a file of rows, whatever its format."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ingest.imports.parquet import MAGIC, ParquetRows
from ingest.imports.rows import Format, Line, RowFile, format_of


class Rows(Protocol):
    """An open file of rows, a context manager; iterating raises `KithError` when the file breaks off."""

    header: list[str]

    @property
    def position(self) -> int:
        """Return how many bytes of the file were read so far."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[Line]: ...


def open_rows(
    path: Path,
    form: Format | None,
    encoding: str = "utf-8-sig",
    delimiter: str | None = None,
    most: int | None = None,
) -> Rows:
    """Open a file. Raises `KithError` when it cannot be opened, or is not of its format.

    With `most`, a file of lines ends in an error after so many bytes, inflated where it is compressed.
    """
    form = form or format_of(path)
    return ParquetRows(path) if form == "parquet" else RowFile(path, form, encoding, delimiter, most)


def format_in(path: Path) -> Format | None:
    """Return the format that a file's first bytes tell, where they tell one for sure."""
    with path.open("rb") as file:
        start = file.read(4)
    return "parquet" if start == MAGIC else None
