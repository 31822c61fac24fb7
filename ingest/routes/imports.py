"""`POST /v1/import` with a file of rows: CSV, TSV, NDJSON or Parquet, through a mapping.

The file is on disk before its first row counts. Message ids follow from the rows, so an import that was cut off is
simply sent again. (A batch of events, or NDJSON of events, takes the tracking routes' way.)
"""

import asyncio
from time import monotonic, time_ns
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from ingest.answers import RETRY_AFTER_S, Refused
from ingest.auth import check_origin, key_of_header, key_of_query, source_of
from ingest.budget import UnavailableError
from ingest.canonical import Reception, Rejection
from ingest.imports.files import open_rows
from ingest.imports.job import Counted, take
from ingest.imports.mapping import Mapping, parse_mapping
from ingest.imports.messages import Messages
from ingest.imports.proposal import examples_of, propose
from ingest.imports.upload import Upload, upload
from ingest.rate import RateLimits
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.source import Source

router = APIRouter(tags=["tracking"])

# Each has a file on disk and rows in memory.
MOST_AT_ONCE: Final = 2
_RETRY_S: Final = 15
# How much larger than the limit a gzipped file may be when it is inflated.
_INFLATED: Final = 16


class ImportErrorModel(BaseModel):
    """A row that became a dead letter."""

    line: int = Field(description="Where the row begins in the file.")
    reason: str
    message: str


class Imported(BaseModel):
    """What came of a file; Kafka has all of it."""

    success: bool = True
    rows: int = Field(description="Rows that were read; this and what follows only for files of rows.")
    accepted: int = Field(description="Rows that are events now, or were already.")
    rejected: int = Field(description="Rows that are dead letters.")
    errors: list[ImportErrorModel] = Field(description="The first rejected rows.")
    mapping: str | None = Field(None, description="The mapping that was guessed, where none was sent.")
    examples: list[dict[str, Any]] | None = Field(None, description="With `dry_run`: events that would be sent.")


class ImportQuery(BaseModel):
    """What may be said about the file; `format` and `mapping` may be fields of a form too."""

    format: str | None = Field(None, description="csv, tsv, ndjson or parquet; default: by type or name.")
    mapping: str | None = Field(None, description="The mapping, as YAML or JSON; default: guessed from the header.")
    name: str | None = Field(None, description="The file's name.")
    dry_run: bool = Field(False, description="Send nothing: answer with the mapping and an example.")
    writeKey: str | None = Field(None, description="Write key; Basic authentication wins.")


class Gate:
    """Lets so many imports in at once."""

    def __init__(self) -> None:
        self.inside = 0

    def __enter__(self) -> None:
        if self.inside >= MOST_AT_ONCE:
            raise Refused(429, "too_many_imports", "Other files are being imported: send it later.", _RETRY_S)
        self.inside += 1

    def __exit__(self, *_: object) -> None:
        self.inside -= 1


@router.post("/v1/import", include_in_schema=False)
@router.post("/v1/import/", include_in_schema=False)
async def import_file(request: Request, query: Annotated[ImportQuery, Query()]) -> Imported:
    """Take a file of rows as events of the past; answers when Kafka has all of them."""
    state = request.app.state
    settings: Settings = state.settings
    key = key_of_header(_header(request, "authorization")) or key_of_query(request.scope["query_string"])
    source = source_of(state.sources.current, key)
    check_origin(source, _header(request, "origin"))
    most = settings.import_bytes
    with state.imports:
        async with upload(request, most) as file:
            try:
                mapping, guessed, examples = await asyncio.to_thread(_mapping, file, query.dry_run)
            except KithError as error:
                raise _refused(error, Counted()) from error
            if query.dry_run:
                return Imported(rows=0, accepted=0, rejected=0, errors=[], mapping=guessed, examples=examples)
            counted = await _take(request, source, file, mapping, most * _INFLATED)
    errors = [ImportErrorModel(**error) for error in counted.errors]
    return Imported(
        rows=counted.rows, accepted=counted.accepted, rejected=counted.rejected, errors=errors, mapping=guessed
    )


def _mapping(file: Upload, example: bool) -> tuple[Mapping | Messages, str | None, list[dict[str, Any]]]:
    """Return the mapping, its text where it was guessed, and examples."""
    if not file.mapping.strip():
        proposal = propose(file.path, file.format)
        return proposal.mapping, proposal.text, proposal.examples
    mapping = parse_mapping(file.mapping, "mapping")
    if not example:
        return mapping, None, []
    with open_rows(file.path, file.format, mapping.encoding, mapping.delimiter) as rows:
        return mapping, None, examples_of(mapping, rows)


async def _take(request: Request, source: Source, file: Upload, mapping: Mapping | Messages, most: int) -> Counted:
    state = request.app.state
    reception = Reception(source, time_ns() // 1_000_000, country=state.settings.default_country, historical=True)
    rates: RateLimits = state.rates

    async def submit(messages: list[Any]) -> list[tuple[int, Rejection]]:
        await _paced(rates, source, len(messages))
        told: list[tuple[int, Rejection]] = []
        waiting = state.intake.submit(messages, reception, told=told)
        if waiting is not None:
            await waiting
        return told

    counted = Counted()
    try:
        with open_rows(file.path, file.format, mapping.encoding, mapping.delimiter, most) as rows:
            absent = [name for name in mapping.named_columns() if rows.header and name not in rows.header]
            if absent:
                raise KithError(f"The file has no column {', '.join(absent)}, which the mapping names.")
            await take(rows, mapping, submit, counted)
    except KithError as error:
        raise _refused(error, counted) from error
    except UnavailableError as error:
        raise Refused(503, "unavailable", _so_far(str(error), counted), RETRY_AFTER_S) from error
    return counted


async def _paced(rates: RateLimits, source: Source, events: int) -> None:
    """Wait until the source may send as many: a file has the time."""
    while True:
        try:
            return rates.take(source, events, monotonic())
        except Refused as refused:
            await asyncio.sleep(float(refused.retry_after or 1))


def _refused(error: KithError, counted: Counted) -> Refused:
    return Refused(400, "invalid_import", _so_far(str(error), counted))


def _so_far(why: str, counted: Counted) -> str:
    # What files say of themselves may hold what JSON cannot.
    text = why.encode("utf-8", "replace").decode()
    if not counted.rows:
        return text
    return f"{text} {counted.rows} rows before that are kept; send the whole file again: what came twice counts once."


def _header(request: Request, name: str) -> bytes | None:
    value = request.headers.get(name)
    return None if value is None else value.encode("latin-1")
