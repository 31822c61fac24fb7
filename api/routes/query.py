"""`POST /v1/query`: read-only SQL with limits, as the user `analyst`; how far a query is, and how to stop it.

A query has an id, the client's or a new one. While it runs, `GET /v1/query/{id}` says how far it is and `DELETE` stops
it; it is stopped too when the client that asked goes away.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.auth import Authorised
from api.clickhouse import ClickHouse, ClickHouseError
from api.parameters import texts
from api.problems import responses
from api.reading import FORMATS, JSON, accepted, check, document, limits, refusal
from schemas.errors import Problem
from schemas.settings import Settings

router = APIRouter(prefix="/v1/query", tags=["query"], dependencies=[Authorised])

MOST_SQL = 100_000
MOST_PARAMETERS = 200
_PATIENCE_S = 10.0
_FORMATTED = "SELECT formatQuerySingleLine({sql:String}) FORMAT TSVRaw"
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
    """The rows of the answer: decimals and integers beyond 64 bits are text, times ISO 8601 text, nan and inf null."""

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
        **responses(400, 403, 406, 409, 429, 503),
        200: {"content": {name: {} for name in FORMATS if name != JSON}, "description": "The rows, as `Accept` asks."},
    },
)
async def query(request: Request, question: Question) -> Response:
    """Run one SELECT. Beyond the limits of time, memory, rows and size it is refused, naming the limit.

    The answer is JSON, CSV (`Accept: text/csv`) or an Arrow stream (`application/vnd.apache.arrow.stream`).
    """
    settings: Settings = request.app.state.settings
    clickhouse: ClickHouse = request.app.state.analyst
    media_type = accepted(request.headers.get("accept", ""))
    id_ = question.query_id or uuid.uuid4().hex
    started = monotonic()
    try:
        formatted = await clickhouse.fetch(_FORMATTED, {"sql": question.sql})
        check(formatted)
        named = texts(formatted.decode(errors="replace"), question.parameters)
        asked = {
            **{f"param_{name}": text for name, text in named.items()},
            **limits(settings),
            "default_format": FORMATS[media_type],
            "query_id": _name(id_),
            "log_comment": _name(id_),
        }
        async with place(request):
            body = await _unless_gone(request, id_, clickhouse.fetch(question.sql, None, asked))
        if media_type == JSON:
            body = document(body)
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


@asynccontextmanager
async def place(request: Request) -> AsyncIterator[None]:
    """Hold one of the places of queries that run. Raises `Problem` (rate-limited) when none becomes free in time."""
    places: asyncio.Semaphore = request.app.state.query_places
    try:
        await asyncio.wait_for(places.acquire(), _PATIENCE_S)
    except TimeoutError as error:
        settings: Settings = request.app.state.settings
        raise Problem(
            "rate-limited",
            f"{settings.query_max_running} queries run already, the most: try again when one of them has ended.",
            limit="queries",
            value=settings.query_max_running,
        ) from error
    try:
        yield
    finally:
        places.release()


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
