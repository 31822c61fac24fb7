"""`/v1/segments/{id}/members` and what belongs to it: who is in a segment, why, and whether SQL says the same."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from api import pagination
from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.delivery import cursor as places
from api.keys import Key, nobody
from api.membership import explained
from api.periods import instant
from api.problems import responses
from api.profiles import Profiles
from api.progress import live_versions
from api.routes.segments import SegmentId, definitions_of, existing, missing
from api.verification import MOST_SHOWN, clauses_behind, differing
from schemas.codec import dumps, loads
from schemas.errors import Problem
from schemas.times import to_iso, to_millis

router = APIRouter(tags=["segments"], dependencies=[Authorised])

_MEMBERS = """\
SELECT toString(profile_id), toUnixTimestamp64Milli(since)
FROM segment_membership WHERE segment_id = {id:String} AND profile_id > {after:UUID}
ORDER BY profile_id LIMIT {limit:UInt32}"""
# The change stream folded up to a place: what lies behind it is exactly what the stream continues with.
_MEMBERS_THEN = """\
SELECT toString(profile_id), toUnixTimestamp64Milli(argMax(at, sequence))
FROM segment_changes
WHERE segment_id = {id:String} AND profile_id > {after:UUID}
    AND offset < transform(partition, {partitions:Array(UInt32)}, {ends:Array(UInt64)}, 0)
GROUP BY profile_id HAVING argMax(change, sequence) = 'entered'
ORDER BY profile_id LIMIT {limit:UInt32}"""
_NOBODY = "00000000-0000-0000-0000-000000000000"


class Different(BaseModel):
    """A person whom one engine names and the other does not, and the places of the clauses behind it."""

    profile_id: str
    in_sql: bool
    in_stream: bool
    clauses: list[str]


class Verification(BaseModel):
    """How many people were compared, how many differ, and the first hundred of these."""

    segment_id: str
    version: int
    people: int
    different: int
    differences: list[Different]


@router.get("/v1/segments/{id}/members", responses=responses(400, 404, 503))
async def members(
    request: Request,
    id: SegmentId,
    limit: pagination.Limit = 1000,
    cursor: pagination.Cursor = None,
    as_of: Annotated[
        str | None, Query(max_length=40, description="Who was in it at this time, as published up to then.")
    ] = None,
) -> Response:
    """List who is in a segment, and since when; `after` is the cursor from which `changes` continues this list."""
    stored = (await definitions_of(request).known()).get(id)
    # What was deleted since had members then.
    if stored is None or (stored.document is None and as_of is None):
        raise missing(id)
    clickhouse: ClickHouse = request.app.state.clickhouse
    if cursor:
        last, after = pagination.decode(cursor, str, str)
    else:
        last = _NOBODY
        if as_of is None:
            # Read before the members: a change that comes between is in both, and its sequence tells.
            after = await places.projected(clickhouse)
        else:
            after = await places.published(clickhouse, to_millis(instant(request, "as_of", as_of, 0)))
    parameters: dict[str, Any] = {"id": id, "after": last, "limit": limit}
    if as_of is not None:
        positions = places.positions_of(after)
        parameters |= {"partitions": list(positions), "ends": list(positions.values())}
    rows = await clickhouse.rows(_MEMBERS if as_of is None else _MEMBERS_THEN, parameters)
    items = [{"profile_id": profile_id, "since": to_iso(int(since))} for profile_id, since in rows]
    following = pagination.encode(rows[-1][0], after) if len(rows) == limit else None
    return Response(dumps({"items": items, "next": following, "after": after}), media_type="application/json")


@router.post("/v1/segments/{id}/verify", response_model=Verification, responses=responses(404, 409, 503))
async def verify(request: Request, id: SegmentId) -> Response:
    """Compare the stream's members with SQL's, of everybody, and name whoever differs with the clauses behind it.

    Looks again for some seconds at whoever seems to differ: news may be on its way.
    """
    known = await definitions_of(request).known()
    stored = existing(known, id)
    clickhouse: ClickHouse = request.app.state.clickhouse
    if (await live_versions(clickhouse, [id])).get(id) != stored.version:
        raise Problem("conflict", f"Version {stored.version} of segment {id} has not reached everybody yet: wait.")
    found = await differing(clickhouse, known, [id])
    [(people,)] = await clickhouse.rows("SELECT count() FROM profiles")
    shown = [
        {
            "profile_id": each.profile_id,
            "in_sql": each.in_sql,
            "in_stream": each.in_stream,
            "clauses": await clauses_behind(clickhouse, known, each),
        }
        for each in found[:MOST_SHOWN]
    ]
    body = {"segment_id": id, "version": stored.version, "people": int(people), "different": len(found)}
    return Response(dumps({**body, "differences": shown}), media_type="application/json")


@router.get("/v1/profiles/{key}/segments/{id}/explain", responses=responses(400, 404, 503))
async def explain_membership(request: Request, key: Key, id: SegmentId) -> Response:
    """Explain whether somebody is in a segment: each clause true or false, since when, by which event, until when.

    `published` is what the stream has said of it.
    """
    known = await definitions_of(request).known()
    existing(known, id)
    profiles: Profiles = request.app.state.profiles
    raw = await profiles.find(key)
    if raw is None:
        raise nobody(f"{key.type}:{key.value}")
    profile = loads(raw)
    now = time.time_ns() // 1_000_000
    found = await explained(request.app.state.clickhouse, known, id, profile, now)
    published = next((each for each in profile["segments"] if each["id"] == id), None)
    told = {"member": published is not None, "since": published["since"] if published else None}
    body = {"profile_id": profile["profile_id"], "published": told, **found}
    return Response(dumps(body), media_type="application/json")
