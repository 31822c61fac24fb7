"""What a statement did, in the words of X-ClickHouse-Summary."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(slots=True)
class Outcome:
    """Counts of one statement. `result_*` are what came out, `written_*` what went in, views included."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0

    def summary(self) -> str:
        """Return the header's value: JSON whose numbers are text, as the server writes it."""
        figures = {
            "read_rows": self.read_rows,
            "read_bytes": self.read_bytes,
            "written_rows": self.written_rows,
            "written_bytes": self.written_bytes,
            "total_rows_to_read": self.read_rows,
            "result_rows": self.result_rows,
            "result_bytes": self.result_bytes,
            "elapsed_ns": self.elapsed_ns,
        }
        return orjson.dumps({name: str(value) for name, value in figures.items()}).decode()


@dataclass(slots=True)
class Done:
    """A statement that has ended: what it did, and how the rest of its answer is sent."""

    outcome: Outcome
    send_rest: Callable[[], None]


def of_query(result: Any) -> Outcome:
    """Return the counts of a chDB query result."""
    return Outcome(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_written() or result.rows_read(),
        result_bytes=result.bytes_written() or result.bytes_read(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )
