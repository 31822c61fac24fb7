"""How a file's rows become messages when nobody has said so: read from its beginning, shown before it counts."""

import gzip
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import yaml

from ingest.imports.files import format_in, open_rows
from ingest.imports.guess import guess, is_message
from ingest.imports.mapping import Mapping, parse_mapping
from ingest.imports.messages import Messages
from ingest.imports.rows import BROKEN, Format, Line, format_of
from ingest.imports.values import CellError
from schemas.errors import KithError

# Rows that are looked at.
_SAMPLE: Final = 200
_EXAMPLES: Final = 3
_HEAD: Final = 64 * 1024
_DELIMITERS: Final = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping, the text that a mapping file of it has, and what it makes of the file's first rows."""

    mapping: Mapping | Messages
    text: str
    examples: list[dict[str, Any]]


def propose(path: Path, form: Format | None = None, otherwise: str | None = None) -> Proposal:
    """Return how the rows of a file may become messages. Raises `KithError`, saying what the file does not tell.

    `otherwise` is the time of rows that only describe people and name none.
    """
    form = form or format_in(path) or format_of(path)
    spelling: dict[str, Any] = {} if form == "parquet" else _spelling(path, form)
    with open_rows(path, form, spelling.get("encoding", "utf-8-sig"), spelling.get("delimiter")) as rows:
        header = rows.header
        lines = [line for line in islice(rows, _SAMPLE) if line.fault is None]
    sample = [line.row for line in lines]
    if not sample:
        raise KithError(f"{path.name} has no row that can be read.")
    if form == "ndjson":
        if all(is_message(row) for row in sample):
            return Proposal(Messages(), "# Rows are events already: they are sent as they are.\n", sample[:_EXAMPLES])
        header = list(dict.fromkeys(key for row in sample for key in row))
    document = {"format": form, **spelling, **guess(header, sample, otherwise)}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    mapping = parse_mapping(text, "the guessed mapping")
    return Proposal(mapping, text, examples_of(mapping, lines))


def examples_of(mapping: Mapping | Messages, lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return the first messages that a mapping makes; rows that make none are left out."""
    found: list[dict[str, Any]] = []
    for line in islice(lines, _SAMPLE):
        with suppress(CellError):
            if line.fault is None:
                found.append(mapping.message(line.row, line.line))
        if len(found) == _EXAMPLES:
            break
    return found


def _spelling(path: Path, form: Format) -> dict[str, Any]:
    """Return encoding and delimiter where they are not the usual ones."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            head: bytes = file.read(_HEAD)
    except BROKEN as error:
        raise KithError(f"{path.name} cannot be read: {error}") from error
    found: dict[str, Any] = {}
    try:
        # The last character may be cut.
        text = head.decode("utf-8") if len(head) < _HEAD else head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        found["encoding"] = "cp1252"
        text = head.decode("cp1252", "replace")
    if form == "csv":
        first = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=first.count)
        if delimiter != "," and first.count(delimiter):
            found["delimiter"] = delimiter
    return found
