"""`/v1/analytics`: funnels, retention, RFM, revenue, products and segments over time.

Each answer is a view of the projections read with parameters; what is counted is defined there, in
`projections/migrations/0008_analytics.sql`. An answer is kept as long as the data is the same (`api.versions`).
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from api import pagination
from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.periods import Channel, From, Period, SegmentId, To, bounds, instant
from api.problems import responses
from api.statements import statement
from api.versions import Versions
from processors.segments.durations import parse_duration
from schemas.codec import dumps
from schemas.errors import Problem
from schemas.settings import Settings
from schemas.times import LATEST

router = APIRouter(prefix="/v1/analytics", tags=["analytics"], dependencies=[Authorised])

MOST_STEPS = 20
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **responses(400, 503),
    304: {"description": "Not changed since `If-None-Match`."},
}
Name = Annotated[str, Query(min_length=1, max_length=500)]


class Step(BaseModel):
    """A step of a funnel: who got here, as a share of the first step, and how long that took them in the middle."""

    event: str
    people: int
    conversion: float
    median_seconds: float | None


class Funnel(BaseModel):
    """A funnel."""

    steps: list[Step]


class Cohort(BaseModel):
    """People whose first event fell into the period that begins at `start`; `returned[0]` is the period after it."""

    start: str
    size: int
    returned: list[int]


class Retention(BaseModel):
    """Cohorts, oldest first."""

    cohorts: list[Cohort]


@router.get("/funnel", response_model=Funnel, responses=_RESPONSES)
async def funnel(
    request: Request,
    steps: Annotated[list[Annotated[str, Query(max_length=500)]], Query(min_length=1, max_length=MOST_STEPS)],
    within: Annotated[str, Query(max_length=20, description="Duration, e.g. `7d`.")] = "7d",
    start: From = None,
    to: To = None,
    channel: Channel = "",
    segment: SegmentId = "",
) -> Response:
    """Count who did these events in this order, the last at most `within` after the first (`windowFunnel`).

    Each step has the people whose longest chain reached it; seconds are those from the first step along the chain that
    got there first.
    """
    try:
        millis = parse_duration(within)
    except ValueError as error:
        raise Problem("bad-request", f"within={within}: {error}.") from error
    filters = {**bounds(request, start, to), "channel": channel, "segment": segment}

    async def compute() -> bytes:
        rows = await _clickhouse(request).rows(statement("funnel"), {"steps": steps, "within": millis, **filters})
        found = [
            {"event": event, "people": int(people), "conversion": conversion, "median_seconds": seconds}
            for event, people, conversion, seconds in rows
        ]
        return dumps({"steps": found})

    return await _kept(request).answer(request, compute)


@router.get("/retention", response_model=Retention, responses=_RESPONSES)
async def retention(
    request: Request,
    first: Annotated[Name, Query(alias="start")],
    back: Annotated[Name, Query(alias="return")],
    period: Period = "week",
    start: From = None,
    to: To = None,
    channel: Channel = "",
    segment: SegmentId = "",
) -> Response:
    """Count, by the calendar period of a person's first `start`, who did `return` in each period after it."""
    parameters = {
        **bounds(request, start, to),
        "start_event": first,
        "return_event": back,
        "period": period,
        "timezone": _settings(request).timezone,
        "channel": channel,
        "segment": segment,
    }

    async def compute() -> bytes:
        rows = [
            (date.fromisoformat(cohort), int(number), int(people))
            for cohort, number, people in (await _clickhouse(request).rows(statement("retention"), parameters))
        ]
        return dumps({"cohorts": cohorts_of(rows, period)})

    return await _kept(request).answer(request, compute)


@router.get("/rfm", responses=_RESPONSES)
async def rfm(
    request: Request,
    as_of: Annotated[str | None, Query(max_length=40, description="Only orders placed up to this time.")] = None,
    start: From = None,
    to: To = None,
    segment: SegmentId = "",
) -> Response:
    """Group everybody with an order that was not cancelled by recency, frequency and money."""
    parameters = {**bounds(request, start, to), "segment": segment}
    if as_of is not None:
        # Up to and including, where `to` leaves out its own instant.
        parameters["end"] = min(parameters["end"], instant(request, "as_of", as_of, LATEST, later_ms=1))

    async def compute() -> bytes:
        rows = await _clickhouse(request).rows(statement("rfm"), parameters, _EXACT)
        found = [{"name": name, "people": int(people), "revenue": _amount(revenue)} for name, people, revenue in rows]
        return dumps({"people": sum(int(row[1]) for row in rows), "segments": found})

    return await _kept(request).answer(request, compute)


@router.get("/revenue", responses=_RESPONSES)
async def revenue(
    request: Request,
    by: Period = "day",
    start: From = None,
    to: To = None,
    segment: SegmentId = "",
    limit: pagination.Limit = 1000,
    cursor: pagination.Cursor = None,
) -> Response:
    """Sum orders that were not cancelled by the period in which they were placed and by currency."""
    period, currency = pagination.decode(cursor, str, str) if cursor else ("", "")
    parameters = {
        **bounds(request, start, to),
        "period": by,
        "timezone": _settings(request).timezone,
        "segment": segment,
        "after_period": period,
        "after_currency": currency,
        "limit": limit,
    }

    async def compute() -> bytes:
        rows = await _clickhouse(request).rows(statement("revenue"), parameters, _EXACT)
        items = [
            {
                "period": row[0],
                "currency": row[1],
                "orders": int(row[2]),
                "gross": _amount(row[3]),
                "refunded": _amount(row[4]),
                "net": _amount(row[5]),
            }
            for row in rows
        ]
        following = pagination.encode(rows[-1][0], rows[-1][1]) if len(rows) == limit else None
        return dumps({"items": items, "next": following})

    return await _kept(request).answer(request, compute)


@router.get("/products", responses=_RESPONSES)
async def products(
    request: Request,
    by: Literal["views", "adds", "orders", "revenue"] = "views",
    start: From = None,
    to: To = None,
    channel: Channel = "",
    segment: SegmentId = "",
    limit: pagination.Limit = 100,
    cursor: pagination.Cursor = None,
) -> Response:
    """List products, the most viewed, added, ordered or sold first."""
    value, after = pagination.decode(cursor, str, str) if cursor else ("0", "")
    parameters = {
        **bounds(request, start, to),
        "channel": channel,
        "segment": segment,
        "by": by,
        "first": cursor is None,
        "value": value,
        "after": after,
        "limit": limit,
    }

    async def compute() -> bytes:
        rows = await _clickhouse(request).rows(statement("products"), parameters, _EXACT)
        items = [
            {
                "product_id": row[0],
                "name": row[1],
                "views": int(row[2]),
                "adds": int(row[3]),
                "orders": int(row[4]),
                "quantity": _number(row[5]),
                "revenue": _amount(row[6]),
            }
            for row in rows
        ]
        following = pagination.encode(rows[-1][7], rows[-1][0]) if len(rows) == limit else None
        return dumps({"items": items, "next": following})

    return await _kept(request).answer(request, compute)


@router.get("/segments", responses=_RESPONSES)
async def segments(
    request: Request,
    by: Period = "day",
    start: From = None,
    to: To = None,
    segment: SegmentId = "",
    limit: pagination.Limit = 1000,
    cursor: pagination.Cursor = None,
) -> Response:
    """Count who entered and exited each segment in each period with changes, and its members at the period's end."""
    period, after = pagination.decode(cursor, str, str) if cursor else ("", "")
    parameters = {
        **bounds(request, start, to),
        "period": by,
        "timezone": _settings(request).timezone,
        "segment": segment,
        "after_period": period,
        "after_segment": after,
        "limit": limit,
    }

    async def compute() -> bytes:
        rows = await _clickhouse(request).rows(statement("segments"), parameters)
        names = ("period", "segment_id", "entered", "exited", "members")
        items = [dict(zip(names, (*row[:2], *map(int, row[2:])), strict=True)) for row in rows]
        following = pagination.encode(rows[-1][0], rows[-1][1]) if len(rows) == limit else None
        return dumps({"items": items, "next": following})

    return await _kept(request).answer(request, compute)


def cohorts_of(rows: list[tuple[date, int, int]], period: Period) -> list[dict[str, Any]]:
    """Return the cohorts of (start, periods later, people); all reach to the last period in which anybody came back."""
    last = max((_number_of(cohort, period) + number for cohort, number, _ in rows), default=0)
    cohorts: dict[date, dict[str, Any]] = {}
    for cohort, number, people in rows:
        if number == 0:
            later = last - _number_of(cohort, period)
            cohorts[cohort] = {"start": cohort.isoformat(), "size": people, "returned": [0] * later}
        else:
            cohorts[cohort]["returned"][number - 1] = people
    return list(cohorts.values())


def _number_of(start: date, period: Period) -> int:
    """Return a running number of the period that begins at `start`."""
    if period == "month":
        return 12 * start.year + start.month
    return start.toordinal() // (7 if period == "week" else 1)


# Decimals as text, with all their digits.
_EXACT = {"output_format_json_quote_decimals": 1}


def _amount(text: str) -> str:
    """Return a decimal text with at least two decimals and no further zeros."""
    amount = Decimal(text)
    cents = amount.quantize(Decimal("0.01"))
    return f"{cents:f}" if cents == amount else f"{amount.normalize():f}"


def _number(text: str) -> int | float:
    amount = Decimal(text)
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _kept(request: Request) -> Versions:
    found: Versions = request.app.state.versions
    return found


def _clickhouse(request: Request) -> ClickHouse:
    found: ClickHouse = request.app.state.clickhouse
    return found


def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found
