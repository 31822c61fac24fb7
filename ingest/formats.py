"""What an import's body is: `Content-Type` names the format of the file, JSON where it names none in particular."""

from typing import Any

from ingest.answers import Refused
from ingest.text import NotJsonError, parse

# What clients send when nobody told them the format.
_UNTOLD = frozenset({"", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded"})
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})


def import_body(content_type: str, body: bytes) -> Any:
    """Return an import's body as a JSON batch: `{"batch": [...]}`, whatever format it came in.

    Raises `NotJsonError` for JSON that is none, `Refused` for a format that is not taken. A line of NDJSON that is not
    JSON stands in the batch as its text, so that it becomes a dead letter and the other lines are kept.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _UNTOLD:
        return parse(body)
    if media_type in _LINES:
        return {"batch": [_line(line) for line in body.splitlines() if line.strip()]}
    raise Refused(
        400,
        "unsupported_format",
        'Send events as application/json ({"batch": [...]}) or application/x-ndjson, and rows with ?format=csv, tsv, '
        "ndjson or parquet.",
    )


def _line(line: bytes) -> Any:
    try:
        return parse(line)
    except NotJsonError:
        return line.decode("utf-8", "replace")
