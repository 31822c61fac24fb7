"""`/v1/profiles`: one person, their events and orders; search; many at once."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api import pagination
from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.fresh import Fresh
from api.keys import Key, identifier_of, nobody, seed_for
from api.periods import instant
from api.problems import responses
from api.profiles import Profiles
from api.search import Search
from api.time_travel import TimeTravel
from schemas.codec import dumps, loads
from schemas.identifier import Identifier
from schemas.settings import Settings
from schemas.times import LATEST

router = APIRouter(prefix="/v1/profiles", tags=["profiles"], dependencies=[Authorised])

MOST_KEYS = 1000
_EVENTS = """\
SELECT toUnixTimestamp64Milli(occurred_at), toString(event_id), raw FROM events_of(profile_id = {owner:UUID})
WHERE (occurred_at, event_id) < (fromUnixTimestamp64Milli({time:Int64}), {id:UUID})
ORDER BY occurred_at DESC, event_id DESC LIMIT {limit:UInt32}"""
_ORDERS = """\
SELECT toUnixTimestamp64Milli(moment), toString(seed), raw FROM orders_of(profile_id = {owner:UUID})
WHERE (moment, seed) < (fromUnixTimestamp64Milli({time:Int64}), {id:UUID})
ORDER BY moment DESC, seed DESC LIMIT {limit:UInt32}"""
# After everything: the start of a list that is read newest first.
_END = [10413791999999, "ffffffff-ffff-ffff-ffff-ffffffffffff"]

After = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Event id or message id: wait (10 s at most, else 504) until that event is in the answer.",
    ),
]
Fields = Annotated[str | None, Query(max_length=500, description="Only these members, comma-separated.")]


class Keys(BaseModel):
    """Whose profiles to answer, each as `type:value`."""

    keys: list[Annotated[str, Field(max_length=2000)]] = Field(max_length=MOST_KEYS)


@router.get("", responses=responses(400))
async def search(
    request: Request,
    identifier: Annotated[
        str | None, Query(max_length=500, description="Beginning of an identifier: `jane@` or `email:jane@`.")
    ] = None,
    segment: Annotated[str | None, Query(max_length=64, description="Segment that the person is in.")] = None,
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
    fields: Fields = None,
) -> Response:
    """Find people by the beginning of an identifier, traits (`trait.country=FR`) and a segment, all of them at once.

    Ordered by profile id, so that a list that is read page by page neither repeats nor skips anybody who stays.
    """
    traits = {name[6:]: value for name, value in request.query_params.multi_items() if name.startswith("trait.")}
    after = pagination.decode(cursor, str)[0] if cursor else None
    finder = Search(_clickhouse(request))
    found = await finder.page(identifier, traits, segment, after, limit)
    following = pagination.encode(found[-1][0]) if len(found) == limit else None
    shown = [raw for profile_id, raw in found if not _profiles(request).hides(profile_id)]
    return pagination.page([_only(raw, fields) for raw in shown], following)


@router.post("/batch", responses=responses(400))
async def batch(request: Request, keys: Keys) -> Response:
    """Answer many profiles at once, in the order of the keys, null for a key that nobody has."""
    settings: Settings = request.app.state.settings
    identifiers = [identifier_of(key, settings.default_country) for key in keys.keys]
    seeds = [seed_for(identifier) for identifier in identifiers if identifier]
    found = iter(await _profiles(request).many(seeds)) if seeds else iter(())
    items = [next(found) if identifier else None for identifier in identifiers]
    return Response(b'{"items":[' + b",".join(item or b"null" for item in items) + b"]}", media_type="application/json")


@router.get("/{key}/events", responses=responses(400, 504))
async def events(
    request: Request, key: Key, limit: pagination.Limit = 100, cursor: pagination.Cursor = None, after: After = None
) -> Response:
    """Answer the canonical events of whoever has the identifier, newest first."""
    await _fresh(request).wait(after)
    return await _timeline(request, _EVENTS, key, limit, cursor)


@router.get("/{key}/orders", responses=responses(400, 504))
async def orders(
    request: Request, key: Key, limit: pagination.Limit = 100, cursor: pagination.Cursor = None, after: After = None
) -> Response:
    """Answer the orders of whoever has the identifier, with items and the states they went through, newest first."""
    await _fresh(request).wait(after)
    return await _timeline(request, _ORDERS, key, limit, cursor)


@router.get(
    "/{key}", responses={**responses(400, 404, 504), 304: {"description": "Not changed since `If-None-Match`."}}
)
async def profile(
    request: Request,
    key: Key,
    fields: Fields = None,
    after: After = None,
    as_of: Annotated[
        str | None, Query(max_length=40, description="Of the events up to this time, under today's identity.")
    ] = None,
) -> Response:
    """Answer the profile of whoever has the identifier now."""
    await _fresh(request).wait(after)
    raw = await _profiles(request).find(key)
    if raw is not None and as_of is not None:
        owner = loads(raw)["profile_id"]
        raw = await TimeTravel(_clickhouse(request)).profile(owner, instant(request, "as_of", as_of, LATEST))
    if raw is None:
        raise nobody(f"{key.type}:{key.value}")
    body = _only(raw, fields)
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag})


async def _timeline(request: Request, sql: str, key: Identifier, limit: int, cursor: str | None) -> Response:
    """Answer one page of what a profile has, newest first, each item as it was published."""
    time, id_ = pagination.decode(cursor, int, str) if cursor else _END
    owner = await _profiles(request).owner(key)
    if _profiles(request).hides(owner):
        return pagination.page([], None)
    parameters = {"owner": owner, "time": time, "id": id_, "limit": limit}
    rows: Sequence[Sequence[Any]] = await _clickhouse(request).rows(sql, parameters)
    following = pagination.encode(rows[-1][0], rows[-1][1]) if len(rows) == limit else None
    return pagination.page([row[2].encode() for row in rows], following)


def _only(raw: bytes, fields: str | None) -> bytes:
    """Return the JSON object with only these members; those that it lacks are left out."""
    if fields is None:
        return raw
    wanted = {name.strip() for name in fields.split(",")}
    return dumps({name: value for name, value in loads(raw).items() if name in wanted})


def _profiles(request: Request) -> Profiles:
    found: Profiles = request.app.state.profiles
    return found


def _fresh(request: Request) -> Fresh:
    found: Fresh = request.app.state.fresh
    return found


def _clickhouse(request: Request) -> ClickHouse:
    found: ClickHouse = request.app.state.clickhouse
    return found
