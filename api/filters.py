"""What every question of analytics may be narrowed to (a time, a channel, a segment), and the zone of its days."""

from typing import Annotated

from fastapi import Depends, Query, Request

from api.clickhouse import ClickHouse
from api.definitions import Definitions
from api.periods import From, To, bounds
from schemas.errors import Problem
from schemas.event import CHANNELS
from schemas.settings import Settings

SegmentId = Annotated[str, Query(max_length=64, description="Only people who are in this segment now; empty: all.")]
Channel = Annotated[
    str,
    Query(
        max_length=64,
        description="Only what is of this channel (docs/analytics.md says what that is); empty: all.",
        json_schema_extra={"enum": ["", *CHANNELS]},
    ),
]
# A segment that was deleted has a history too.
_IS_SEGMENT = """\
SELECT 1 FROM definition_states WHERE segment_id = {segment:String}
UNION ALL SELECT 1 FROM segment_changes WHERE segment_id = {segment:String} LIMIT 1"""


async def filters(
    request: Request, start: From = None, to: To = None, channel: Channel = "", segment: SegmentId = ""
) -> dict[str, str]:
    """Return the parameters `start`, `end`, `channel`, `segment` and `timezone` of a statement.

    Raises `Problem`: bad-request for a time that is none or ends before it begins, invalid for an unknown channel,
    not-found for a segment that never was.
    """
    settings: Settings = request.app.state.settings
    parameters = {
        **bounds(request, start, to),
        "channel": channel,
        "segment": segment,
        "timezone": settings.timezone,
    }
    if channel and channel not in CHANNELS:
        raise Problem("invalid", f"channel={channel} is none: write one of {', '.join(CHANNELS)}, or leave it out.")
    if segment and not await _is_segment(request, segment):
        raise Problem("not-found", f"There is no segment {segment}: GET /v1/segments lists them.")
    return parameters


async def _is_segment(request: Request, segment: str) -> bool:
    clickhouse: ClickHouse = request.app.state.clickhouse
    if await clickhouse.rows(_IS_SEGMENT, {"segment": segment}):
        return True
    definitions: Definitions = request.app.state.definitions
    try:
        # Defined a moment ago, it is on its way to ClickHouse.
        return segment in await definitions.known()
    except Problem:
        return False


Filters = Annotated[dict[str, str], Depends(filters)]
