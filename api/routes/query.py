"""`POST /v1/query`: read-only SQL with limits, as the user `analyst`."""

import re
from time import monotonic
from typing import Any

from fastapi import APIRouter, Request
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


class Question(BaseModel):
    """A statement and the values of its `{name:Type}` parameters."""

    sql: str = Field(min_length=1, max_length=MOST_SQL)
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=MOST_PARAMETERS)


class Column(BaseModel):
    """A column of the answer."""

    name: str
    type: str


class Answer(BaseModel):
    """The rows of the answer; integers of 64 bits are numbers, decimals are text, times are ISO 8601 text."""

    columns: list[Column]
    rows: list[list[Any]]
    statistics: dict[str, Any]


@router.post("", response_model=Answer, responses=responses(400, 403, 504))
async def query(request: Request, question: Question) -> Response:
    """Run one SELECT. Beyond the limits of time, memory and rows it is refused, naming the limit."""
    settings: Settings = request.app.state.settings
    clickhouse: ClickHouse = request.app.state.analyst
    started = monotonic()
    try:
        check(await clickhouse.fetch(_FORMATTED, {"sql": question.sql}))
        body = await clickhouse.fetch(question.sql, question.parameters, limits(settings))
        found = loads(body) if body.strip() else {"meta": [], "data": [], "statistics": {}}
    except ClickHouseError as error:
        raise refusal(error, settings, monotonic() - started) from error
    except ValueError as error:
        raise Problem("invalid-sql", "Write a SELECT without FORMAT; the answer is JSON.") from error
    return Response(
        dumps({"columns": found["meta"], "rows": found["data"], "statistics": found.get("statistics", {})}),
        media_type="application/json",
    )


def check(formatted: bytes) -> None:
    """Raise `Problem` unless a statement, as ClickHouse itself writes it, leaves settings and format alone.

    ClickHouse writes key words in capitals and leaves comments out: words in capitals outside of quotes are key words
    (or columns of such a name, which have to do without it).
    """
    words = set(re.findall(rb"[A-Za-z_]+", _QUOTED.sub(b" ", formatted)))
    if b"SETTINGS" in words:
        raise Problem("forbidden", "This endpoint has its own limits: leave out the clause SETTINGS.")
    if words & {b"FORMAT", b"OUTFILE"}:
        raise Problem("invalid-sql", "Write a SELECT without FORMAT and INTO OUTFILE; the answer is JSON.")


def limits(settings: Settings) -> dict[str, Any]:
    """Return ClickHouse's settings of a query that comes from outside."""
    return {
        "default_format": "JSONCompact",
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
    if error.code in (164, 497):
        return Problem(
            "forbidden", f"This endpoint reads Kith's tables only. {first_line(error.text)}", code=error.code
        )
    return Problem("invalid-sql", first_line(error.text), code=error.code)


def first_line(text: str) -> str:
    """Return ClickHouse's message without its stack and version."""
    return text.partition("\n")[0].partition(" (version ")[0][:2000]
