"""`POST /v1/query`: read-only SQL with limits, as the user `analyst`; how far a query is, and how to stop it.

A query has an id, the client's or a new one. While it runs, `GET /v1/query/{id}` says how far it is and `DELETE` stops
it; it is stopped too when the client that asked goes away.
"""

import asyncio
import re
import uuid
from contextlib import suppress
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.auth import Authorised
from api.clickhouse import ClickHouse, ClickHouseError
from api.problems import responses
from schemas.codec import dumps, loads
from schemas.errors import Problem
from schemas.settings import Settings

router = APIRouter(prefix="/v1/query", tags=["query"], dependencies=[Authorised])

MOST_SQL = 100_000
MOST_PARAMETERS = 200
_FORMATTED = "SELECT formatQuerySingleLine({sql:String}) FORMAT TSVRaw"
_QUOTED = re.compile(rb"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)

_TEXT = re.compile(rb"'(?:[^'\\]|\\.)*'", re.DOTALL)
_SYSTEM = re.compile(rb"[`\"]?\b(?:system|information_schema)[`\"]?\s*\.", re.IGNORECASE)
_READS = re.compile(
    rb"[\s(]*(?:SELECT|WITH|DESCRIBE|DESC|EXPLAIN|EXISTS|SHOW\s+(?:TABLES|CREATE|COLUMNS))\b", re.IGNORECASE
)

# By media type, in the order of preference: ClickHouse's format.
FORMATS = {
    "application/json": "JSONCompact",
    "text/csv": "CSVWithNames",
    "application/vnd.apache.arrow.stream": "ArrowStream",
}
JSON = "application/json"
QUERY_ID = "X-Kith-Query-Id"
# By a setting and not by its id: chDB gives statements ids of its own, and only KILL knows which is which.
_PROGRESS = """\
SELECT elapsed, read_rows, read_bytes, total_rows_approx, memory_usage FROM system.processes
WHERE Settings['log_comment'] = {id:String}"""
_KILL = "KILL QUERY WHERE query_id = '{id}' ASYNC FORMAT Null"
_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
Id = Annotated[str, Path(pattern=_ID_PATTERN, description="Id of a query that runs.")]


class Question(BaseModel):
    """A statement, the values of its `{name:Type}` parameters, and, if wanted, an id to ask about it while it runs."""

    sql: str = Field(min_length=1, max_length=MOST_SQL)
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=MOST_PARAMETERS)
    query_id: str | None = Field(None, pattern=_ID_PATTERN)


class Column(BaseModel):
    """A column of the answer."""

    name: str
    type: str


class Answer(BaseModel):
    """The rows of the answer; integers of 64 bits are numbers, decimals are text, times are ISO 8601 text."""

    columns: list[Column]
    rows: list[list[Any]]
    statistics: dict[str, Any]


class Progress(BaseModel):
    """How far a running query is; `rows` is how many it will read, as far as that is known."""

    query_id: str
    seconds: float
    rows_read: int
    bytes_read: int
    rows: int
    memory_bytes: int


@router.post(
    "",
    response_model=Answer,
    responses={
        **responses(400, 403, 406, 409, 504),
        200: {"content": {name: {} for name in FORMATS if name != JSON}, "description": "The rows, as `Accept` asks."},
    },
)
async def query(request: Request, question: Question) -> Response:
    """Run one SELECT. Beyond the limits of time, memory and rows it is refused, naming the limit.

    The answer is JSON, CSV (`Accept: text/csv`) or an Arrow stream (`application/vnd.apache.arrow.stream`).
    """
    settings: Settings = request.app.state.settings
    clickhouse: ClickHouse = request.app.state.analyst
    media_type = accepted(request.headers.get("accept", ""))
    id_ = question.query_id or uuid.uuid4().hex
    started = monotonic()
    try:
        check(await clickhouse.fetch(_FORMATTED, {"sql": question.sql}))
        asked = {
            **limits(settings),
            "default_format": FORMATS[media_type],
            "query_id": _name(id_),
            "log_comment": _name(id_),
        }
        body = await _unless_gone(request, id_, clickhouse.fetch(question.sql, question.parameters, asked))
        if media_type == JSON:
            found = loads(body) if body.strip() else {"meta": [], "data": [], "statistics": {}}
            body = dumps({"columns": found["meta"], "rows": found["data"], "statistics": found.get("statistics", {})})
    except ClickHouseError as error:
        raise refusal(error, settings, monotonic() - started) from error
    except ValueError as error:
        raise Problem("invalid-sql", "Write a SELECT without FORMAT; the header Accept chooses the form.") from error
    return Response(body, media_type=media_type, headers={QUERY_ID: id_, "Vary": "Accept"})


@router.get("/{query_id}", response_model=Progress, responses=responses(404))
async def progress(request: Request, query_id: Id) -> Progress:
    """Say how far a running query is."""
    rows = await _owner(request).rows(_PROGRESS, {"id": _name(query_id)})
    if not rows:
        raise _not_running(query_id)
    seconds, read, read_bytes, total, memory = rows[0]
    return Progress(
        query_id=query_id,
        seconds=float(seconds),
        rows_read=int(read),
        bytes_read=int(read_bytes),
        rows=int(total),
        memory_bytes=max(0, int(memory)),
    )


@router.delete("/{query_id}", status_code=202, responses=responses(404))
async def cancel(request: Request, query_id: Id) -> dict[str, str]:
    """Stop a running query; whoever asked it gets a problem of type `cancelled`."""
    if not await _owner(request).rows(_PROGRESS, {"id": _name(query_id)}):
        raise _not_running(query_id)
    await _stop(request, query_id)
    return {"query_id": query_id}


async def _unless_gone(request: Request, id_: str, answer: Any) -> bytes:
    """Return the answer; stop the query when the client goes away before it is there."""
    asking = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            await _stop(request, id_)
        body: bytes = await asking
        return body
    finally:
        leaving.cancel()
        asking.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _stop(request: Request, id_: str) -> None:
    with suppress(ClickHouseError):
        # Ids have no quotes (`_ID_PATTERN`); KILL takes no parameters.
        await _owner(request).fetch(_KILL.format(id=_name(id_)))


def _name(id_: str) -> str:
    """Return the query's id in ClickHouse: other people's queries there have none of this form."""
    return f"kith-query-{id_}"


def _not_running(id_: str) -> Problem:
    return Problem("not-found", f"No query {id_} runs: it has ended, or was never asked here.")


def _owner(request: Request) -> ClickHouse:
    found: ClickHouse = request.app.state.clickhouse
    return found


def accepted(header: str) -> str:
    """Return the first of `FORMATS` that an Accept header takes most gladly.

    Raises `Problem` (not-acceptable) when it takes none of them.
    """
    best, weight = "", 0.0
    for offer in header.split(",") if header.strip() else ["*/*"]:
        name, *parameters = (part.strip().lower() for part in offer.split(";"))
        quality = next((_quality(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        found = next((each for each in FORMATS if name in (each, "*/*", f"{each.partition('/')[0]}/*")), "")
        if found and quality > weight:
            best, weight = found, quality
    if not best:
        raise Problem("not-acceptable", f"There is no such form of the answer: Accept one of {', '.join(FORMATS)}.")
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def check(formatted: bytes) -> None:
    """Raise `Problem` unless a statement, as ClickHouse itself writes it, leaves settings and format alone.

    ClickHouse writes key words in capitals and leaves comments out: words in capitals outside of quotes are key words
    (or columns of such a name, which have to do without it).
    """
    if not _READS.match(formatted):
        raise Problem("forbidden", "This endpoint reads: write SELECT, WITH, DESCRIBE, EXPLAIN or SHOW TABLES.")
    if _SYSTEM.search(_TEXT.sub(b" ", formatted)):
        raise Problem("forbidden", "This endpoint reads Kith's tables only, none of ClickHouse's own.")
    words = set(re.findall(rb"[A-Za-z_]+", _QUOTED.sub(b" ", formatted)))
    if b"SETTINGS" in words:
        raise Problem("forbidden", "This endpoint has its own limits: leave out the clause SETTINGS.")
    if words & {b"FORMAT", b"OUTFILE"}:
        raise Problem(
            "invalid-sql", "Write a SELECT without FORMAT and INTO OUTFILE; the header Accept chooses the form."
        )


def limits(settings: Settings) -> dict[str, Any]:
    """Return ClickHouse's settings of a query that comes from outside."""
    return {
        "output_format_arrow_string_as_string": 1,
        "max_execution_time": settings.query_max_seconds,
        "timeout_overflow_mode": "throw",
        "max_memory_usage": settings.query_max_bytes,
        "max_result_rows": settings.query_max_rows,
        "result_overflow_mode": "throw",
        "date_time_output_format": "iso",
        "output_format_json_quote_decimals": 1,
        "output_format_json_quote_64bit_integers": 0,
        "wait_end_of_query": 1,
    }


def refusal(error: ClickHouseError, settings: Settings, seconds: float) -> Problem:
    """Return what to say about a statement that ClickHouse refused."""
    limit = {
        159: ("limit-exceeded", "time", settings.query_max_seconds, "seconds"),
        160: ("limit-exceeded", "time", settings.query_max_seconds, "seconds"),
        241: ("limit-exceeded", "memory", settings.query_max_bytes, "bytes"),
        396: ("limit-exceeded", "rows", settings.query_max_rows, "rows"),
    }.get(error.code)
    if limit:
        type_, name, value, unit = limit
        detail = f"The query reached its limit of {name}: {value:g} {unit}. Narrow it, aggregate, or add LIMIT."
        return Problem(type_, detail, limit=name, value=value, seconds=round(seconds, 3))
    if error.code == 394:
        return Problem("cancelled", "The query was stopped.", seconds=round(seconds, 3))
    if error.code == 216:
        return Problem("conflict", "A query of this id runs already: choose another query_id, or none.")
    if error.code in (164, 497):
        return Problem(
            "forbidden", f"This endpoint reads Kith's tables only. {first_line(error.text)}", code=error.code
        )
    return Problem("invalid-sql", first_line(error.text), code=error.code)


def first_line(text: str) -> str:
    """Return ClickHouse's message without its stack and version."""
    return text.partition("\n")[0].partition(" (version ")[0][:2000]
