"""Rows through their mapping into the log, some at a time: what was acknowledged before a fault stays."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from ingest.canonical import Rejection, Unfit
from ingest.imports.files import Rows
from ingest.imports.mapping import Mapping
from ingest.imports.messages import Messages
from ingest.imports.rows import Line
from ingest.imports.values import CellError
from ingest.text import NotJsonError, json_bytes

_ROWS: Final = 500
# Rows of which the answer says what is wrong; the dead letters have all.
MOST_ERRORS: Final = 100

# Takes messages in; returns the index and the reason of each that is a dead letter once the others are safe.
Submit = Callable[[list[Any]], Awaitable[list[tuple[int, Rejection]]]]


@dataclass(slots=True)
class Counted:
    """How far an import has come: rows read, events accepted, dead letters, and the first of these with why."""

    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


async def take(rows: Rows, mapping: Mapping | Messages, submit: Submit, counted: Counted) -> None:
    """Submit every row, counting as it goes. Raises what `submit` raises, and `KithError` when the file breaks off."""
    lines = iter(rows)
    while part := await asyncio.to_thread(_part, lines, mapping):
        told = await submit([message for _, message in part])
        counted.rows += len(part)
        counted.accepted += len(part) - len(told)
        counted.rejected += len(told)
        for index, rejection in told[: MOST_ERRORS - len(counted.errors)]:
            counted.errors.append({"line": part[index][0], "reason": rejection.reason, "message": rejection.message})


def _part(lines: Iterator[Line], mapping: Mapping | Messages) -> list[tuple[int, Any]]:
    return [(line.line, _message(line, mapping)) for line in islice(lines, _ROWS)]


def _message(line: Line, mapping: Mapping | Messages) -> Any:
    """Return the message of a row, or what is unfit about it."""
    try:
        if line.fault is not None:
            raise CellError(line.fault)
        message = mapping.message(line.row, line.line)
        # Rows are no JSON text whose nesting could be counted: whatever cannot be written is this row's fault alone.
        json_bytes(message)
    except (CellError, NotJsonError, TypeError, RecursionError) as error:
        why = str(error) if isinstance(error, CellError) else "the row cannot be written as JSON"
        return Unfit(_payload(line), "invalid_event", f"Line {line.line}: {why}.")
    return message


def _payload(line: Line) -> Any:
    payload = {"type": "import", "line": line.line, "row": line.row}
    try:
        json_bytes(payload)
    except (NotJsonError, TypeError, RecursionError):
        return {"type": "import", "line": line.line, "row": repr(line.row).encode("utf-8", "replace").decode()}
    return payload
