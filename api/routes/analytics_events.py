"""`/v1/analytics/funnel` and `/retention`: what people did, in which order and when again."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.analytics import RESPONSES, Rows, answer
from api.filters import Filters
from api.periods import Period
from processors.identity.normalise import text_of
from processors.segments.durations import parse_duration
from schemas.errors import Problem

router = APIRouter()

MOST_STEPS = 20
# Of retention: periods of all cohorts together. A single event of the year 2299 would make each reach until then.
MOST_PERIODS = 1_000_000


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


@router.get("/funnel", response_model=Funnel, responses=RESPONSES)
async def funnel(
    request: Request,
    filters: Filters,
    steps: Annotated[list[Annotated[str, Query(max_length=500)]], Query(min_length=1, max_length=MOST_STEPS)],
    within: Annotated[str, Query(max_length=20, description="Duration, e.g. `7d`.")] = "7d",
) -> Response:
    """Count who did these events in this order, the last at most `within` after the first (`windowFunnel`).

    Each step has the people whose longest chain reached it; seconds are those from the first step along the chain that
    got there first.
    """
    try:
        millis = parse_duration(within)
    except ValueError as error:
        raise Problem("bad-request", f"within={within}: {error}.") from error

    def document(rows: Rows) -> dict[str, Any]:
        names = ("event", "people", "conversion", "median_seconds")
        return {
            "steps": [
                dict(zip(names, (event, int(people), share, seconds), strict=True))
                for event, people, share, seconds in rows
            ]
        }

    return await answer(
        request,
        "funnel",
        {**filters, "steps": [event_name("steps", step) for step in steps], "within": millis},
        document,
    )


@router.get("/retention", response_model=Retention, responses=RESPONSES)
async def retention(
    request: Request,
    filters: Filters,
    first: Annotated[str, Query(alias="start", max_length=500)],
    back: Annotated[str, Query(alias="return", max_length=500)],
    period: Period = "week",
) -> Response:
    """Count, by the calendar period of a person's first `start`, who did `return` in each period after it."""
    parameters = {
        **filters,
        "start_event": event_name("start", first),
        "return_event": event_name("return", back),
        "period": period,
    }

    def document(rows: Rows) -> dict[str, Any]:
        found = [(date.fromisoformat(cohort), int(number), int(people)) for cohort, number, people in rows]
        return {"cohorts": cohorts_of(found, period)}

    return await answer(request, "retention", parameters, document)


def event_name(parameter: str, text: str) -> str:
    """Return the name of an event as the collector writes it. Raises `Problem` (invalid) for one that is blank."""
    name = text_of(text)
    if not name:
        raise Problem("invalid", f"{parameter} is blank: write the name of an event, a page or a screen.")
    return name


def cohorts_of(rows: list[tuple[date, int, int]], period: Period) -> list[dict[str, Any]]:
    """Return the cohorts of (start, periods later, people); all reach to the last period in which anybody came back.

    Raises `Problem` (limit-exceeded) where that is more than `MOST_PERIODS` altogether.
    """
    last = max((_number_of(cohort, period) + number for cohort, number, _ in rows), default=0)
    periods = sum(last - _number_of(cohort, period) for cohort, number, _ in rows if number == 0)
    if periods > MOST_PERIODS:
        raise Problem(
            "limit-exceeded",
            f"These cohorts have {periods} periods together, the most is {MOST_PERIODS}: give `from` and `to`, or a "
            "longer `period`. Somebody's clock may be wrong by centuries.",
            limit="periods",
            value=MOST_PERIODS,
        )
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
