"""Times and periods of analytics: `from`, `to`, days, weeks and months in the configured zone."""

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Query, Request

from schemas.errors import KithError, Problem
from schemas.settings import Settings
from schemas.times import EARLIEST, LATEST, to_iso, to_millis

Period = Literal["day", "week", "month"]
From = Annotated[str | None, Query(alias="from", max_length=40, description="Start, inclusive: a date or a time.")]
To = Annotated[str | None, Query(max_length=40, description="End, exclusive: a date or a time.")]


def zone_of(settings: Settings) -> ZoneInfo:
    """Return the zone of days, weeks and months. Raises `KithError` for a name that is none."""
    try:
        return ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise KithError(f"KITH_TIMEZONE={settings.timezone} is no time zone: write one like Europe/Paris.") from error


def instant(request: Request, name: str, text: str | None, default: int, later_ms: int = 0) -> str:
    """Return a time as ClickHouse reads it; a date, or a time without an offset, is one of the configured zone.

    With `later_ms` it is that much later.

    Raises `Problem` (bad-request) for anything that is not ISO 8601.
    """
    if text is None:
        return _clickhouse(default)
    settings: Settings = request.app.state.settings
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone_of(settings))
        millis = to_millis(moment.isoformat())
    except (ValueError, OverflowError) as error:
        raise Problem("bad-request", f"{name}={text} is no time: write 2026-01-31 or 2026-01-31T10:15:00Z.") from error
    return _clickhouse(min(max(millis + later_ms, EARLIEST), LATEST))


def bounds(request: Request, start: str | None, end: str | None) -> dict[str, str]:
    """Return the parameters `start` and `end` of the time [start, end).

    Raises `Problem` (bad-request) for what is no time, and for an end before the start.
    """
    found = {"start": instant(request, "from", start, EARLIEST), "end": instant(request, "to", end, LATEST)}
    if found["end"] < found["start"]:
        raise Problem("bad-request", f"to={end} is before from={start}: the time asked for is [from, to).")
    return found


def _clickhouse(millis: int) -> str:
    """Return the instant as ClickHouse reads a DateTime64(3, 'UTC')."""
    return to_iso(millis).replace("T", " ").removesuffix("Z")
