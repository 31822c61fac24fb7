"""Rows that are events of Segment's shape already: nothing is mapped, only an id is made where there is none. Pure."""

from ingest.imports.fields import Message, Row
from ingest.imports.rows import Format
from ingest.imports.values import CellError
from schemas.codec import dumps_sorted
from schemas.identifier import uuid5_text


class Messages:
    """Stands where a mapping does, for a file that needs none."""

    format: Format | None = "ndjson"
    encoding = "utf-8-sig"
    delimiter: str | None = None

    def named_columns(self) -> list[str]:
        """Return nothing: each row has the fields that it has."""
        return []

    def message(self, row: Row, line: int) -> Message:
        """Return the row as it is, with an id that is the same each time. Raises `CellError` for what is no event."""
        if not isinstance(row.get("type"), str):
            raise CellError("it is no event: `type` is missing (track, page, identify, …)")
        if row.get("messageId"):
            return dict(row)
        return {**row, "messageId": uuid5_text(f"import:{line}:{dumps_sorted(row).decode()}")}
