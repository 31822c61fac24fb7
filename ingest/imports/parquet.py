"""The rows of a Parquet file, a batch at a time, as JSON has them: times as ISO 8601, decimals as text.

Bounded memory: a file whose row groups are too large to hold is refused.
"""

import base64
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ingest.imports.rows import Line
from schemas.errors import KithError

MAGIC: Final = b"PAR1"
_BATCH: Final = 1000
MOST_GROUP_BYTES: Final = 1 << 30


class ParquetRows:
    """An open Parquet file; a context manager. Raises `KithError` when it is none, or too large to hold in parts."""

    def __init__(self, path: Path) -> None:
        # Imported here: it is a large library that most processes never need.
        import pyarrow as arrow
        from pyarrow import parquet

        self._path = path
        self._broken = (arrow.ArrowException, OSError, ValueError, NotImplementedError)
        try:
            self._file = parquet.ParquetFile(path, memory_map=False)
            groups = [self._file.metadata.row_group(index) for index in range(self._file.metadata.num_row_groups)]
            self.header: list[str] = list(self._file.schema_arrow.names)
        except self._broken as error:
            raise KithError(f"{path.name} cannot be read as Parquet: {error}") from error
        if any(group.total_byte_size > MOST_GROUP_BYTES for group in groups):
            self._file.close()
            raise KithError(f"{path.name}: write it with smaller row groups, of less than {MOST_GROUP_BYTES} bytes.")
        self._rows = self._file.metadata.num_rows
        self._size = path.stat().st_size
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def position(self) -> int:
        """Return how many bytes of the file were read so far, judged by its rows."""
        return self._size * self._read // self._rows if self._rows else self._size

    def __iter__(self) -> Iterator[Line]:
        """Yield every row, numbered from 1. Raises `KithError` when the file breaks off."""
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH, use_threads=False):
                for row in batch.to_pylist():
                    self._read += 1
                    yield Line(self._read, {key: _json(value) for key, value in row.items()})
        except self._broken as error:
            raise KithError(f"{self._path.name} breaks off ({error}): get it whole and run it again.") from error


def _json(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return str(value)
