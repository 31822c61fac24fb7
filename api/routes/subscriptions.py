"""`/v1/subscriptions`: signed webhooks of segment changes, how they do, and what did not get through."""

import time
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook
from starlette.responses import Response
from yarl import URL

from api import pagination
from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.delivery.addresses import problem_of
from api.delivery.changes import Changes
from api.delivery.deliveries import Deliveries
from api.delivery.message import new_secret
from api.delivery.queue import Delivery
from api.problems import responses
from api.subscriptions import Subscription, Subscriptions
from schemas.codec import dumps, loads
from schemas.errors import Problem
from schemas.segment import SEGMENT_ID
from schemas.settings import Settings
from schemas.times import to_iso

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"], dependencies=[Authorised])

_COUNTS = """\
SELECT subscription_id, countIf(state = 'waiting'), countIf(state = 'dead') FROM delivery_states FINAL
WHERE subscription_id IN {ids:Array(String)} AND NOT deleted GROUP BY subscription_id"""
_DEAD = """\
SELECT webhook_id, change_partition, change_offset, segment_id, toString(profile_id), sequence, attempts, error,
    toUnixTimestamp64Milli(at)
FROM delivery_states FINAL
WHERE subscription_id = {id:String} AND state = 'dead' AND NOT deleted
    AND (change_partition, change_offset) >= ({partition:UInt32}, {offset:UInt64})
    AND ({dead:String} = '' OR webhook_id = {dead:String})
ORDER BY change_partition, change_offset LIMIT {limit:UInt32}"""
_CHANGES = """\
SELECT partition, offset, raw FROM segment_changes
WHERE (segment_id, profile_id, sequence) IN (SELECT segment_id, profile_id, sequence FROM delivery_states FINAL
    WHERE subscription_id = {id:String} AND state = 'dead' AND NOT deleted
        AND (change_partition, change_offset) IN (
            SELECT arrayJoin(arrayZip({partitions:Array(UInt32)}, {offsets:Array(UInt64)}))))"""

Id = Annotated[str, Path(max_length=100)]


class SubscriptionRequest(BaseModel):
    """What to deliver where."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2_000, description="Where to post: http or https, reachable from here.")
    segments: list[Annotated[str, Field(pattern=SEGMENT_ID)]] | None = Field(
        None, min_length=1, max_length=1_000, description="Only changes of these segments; null: of all."
    )
    include_moves: bool = Field(False, description="Also when only the profile id of a person changes.")
    consent: str | None = Field(
        None, min_length=1, max_length=200, description="A purpose: only people who have granted it."
    )
    after: str | None = Field(
        None, max_length=20_000, description="Begin after this cursor, or at the `beginning`; null: now."
    )


class SubscriptionAnswer(BaseModel):
    """A subscription, and how many of its deliveries wait for another try or are dead."""

    id: str
    url: str
    segments: list[str] | None
    include_moves: bool
    consent: str | None
    created_at: str
    waiting: int
    dead: int


class SubscriptionCreated(SubscriptionAnswer):
    """A new subscription with the secret that its deliveries are signed with: this once."""

    secret: str


@router.post("", status_code=201, response_model=SubscriptionCreated, responses=responses(400, 503))
async def subscribe(request: Request, wanted: SubscriptionRequest) -> Response:
    """Have changes delivered as signed webhooks (Standard Webhooks), from now on or after a cursor.

    A delivery that is not answered 2xx is tried again after 1 s, 5 s, 25 s, 2 min, 10 min, 1 h, 6 h and 24 h, and is
    dead then. Per profile, deliveries keep their order. Repeats carry the same `webhook-id`.
    """
    settings: Settings = request.app.state.settings
    if wrong := problem_of(wanted.url, settings.webhook_allow_private):
        raise Problem("invalid", f"url: {wrong}.", problems=[{"path": "url", "message": wrong}])
    stream: Changes = request.app.state.changes
    secret = new_secret()
    subscription = Subscription(
        f"sub_{uuid.uuid4().hex}",
        URL(wanted.url),
        None if wanted.segments is None else frozenset(wanted.segments),
        wanted.include_moves,
        wanted.consent,
        secret,
        await stream.positions(wanted.after),
        to_iso(time.time_ns() // 1_000_000),
        Webhook(secret),
    )
    await _subscriptions(request).add(subscription)
    shown = {**_shown(subscription, (0, 0)), "secret": secret}
    return Response(dumps(shown), 201, media_type="application/json")


@router.get("", responses=responses(400, 503))
async def list_subscriptions(
    request: Request, limit: pagination.Limit = 100, cursor: pagination.Cursor = None
) -> Response:
    """List subscriptions by id."""
    after = pagination.decode(cursor, str)[0] if cursor else ""
    known = await _subscriptions(request).newest()
    found = [known[id_] for id_ in sorted(known) if id_ > after][:limit]
    following = pagination.encode(found[-1].id) if len(found) == limit else None
    return pagination.page([dumps(each) for each in await _answers(request, found)], following)


@router.get("/{id}", response_model=SubscriptionAnswer, responses=responses(404, 503))
async def subscription(request: Request, id: Id) -> Response:
    """Answer one subscription."""
    found = await _existing(request, id)
    return Response(dumps((await _answers(request, [found]))[0]), media_type="application/json")


@router.delete("/{id}", status_code=204, responses=responses(404, 503))
async def unsubscribe(request: Request, id: Id) -> Response:
    """Deliver nothing more to a receiver; what waited for it is let go of."""
    await _existing(request, id)
    await _subscriptions(request).remove(id)
    return Response(status_code=204)


@router.get("/{id}/dead", responses=responses(400, 404, 503))
async def dead(request: Request, id: Id, limit: pagination.Limit = 100, cursor: pagination.Cursor = None) -> Response:
    """List the deliveries of a subscription that were given up, with the change, the tries and what went wrong."""
    await _existing(request, id)
    partition, offset = pagination.decode(cursor, int, int) if cursor else (0, 0)
    rows = await _dead_rows(request, id, partition, offset, limit)
    places = {"partitions": [row[1] for row in rows], "offsets": [int(row[2]) for row in rows]}
    found = await _clickhouse(request).rows(_CHANGES, {"id": id, **places}) if rows else []
    raws = {(at, int(offset)): loads(raw) for at, offset, raw in found}
    items = [
        {
            "id": row[0],
            "change": raws.get((row[1], int(row[2]))),
            "attempts": row[6],
            "error": row[7],
            "at": to_iso(int(row[8])),
        }
        for row in rows
    ]
    following = pagination.encode(rows[-1][1], int(rows[-1][2]) + 1) if len(rows) == limit else None
    return pagination.page([dumps(item) for item in items], following)


@router.post("/{id}/dead/replay", status_code=202, responses=responses(404, 503))
async def replay_all(request: Request, id: Id) -> Response:
    """Try every dead delivery of a subscription anew, as if for the first time."""
    await _existing(request, id)
    count, place = 0, (0, 0)
    while rows := await _dead_rows(request, id, *place, pagination.MOST):
        await _replay(request, id, rows)
        count += len(rows)
        place = (rows[-1][1], int(rows[-1][2]) + 1)
    return Response(dumps({"replayed": count}), 202, media_type="application/json")


@router.post("/{id}/dead/{dead_id}/replay", status_code=202, responses=responses(404, 503))
async def replay(
    request: Request, id: Id, dead_id: Annotated[str, Path(max_length=100, description="`id` of the list.")]
) -> Response:
    """Try one dead delivery anew, as if for the first time."""
    await _existing(request, id)
    rows = await _dead_rows(request, id, 0, 0, 1, dead_id)
    if not rows:
        raise Problem("not-found", f"Subscription {id} has no dead delivery {dead_id}.")
    await _replay(request, id, rows)
    return Response(dumps({"replayed": 1}), 202, media_type="application/json")


async def _existing(request: Request, id_: str) -> Subscription:
    found = (await _subscriptions(request).newest()).get(id_)
    if found is None:
        raise Problem("not-found", f"There is no subscription {id_}.")
    return found


async def _answers(request: Request, found: Sequence[Subscription]) -> list[dict[str, Any]]:
    rows = await _clickhouse(request).rows(_COUNTS, {"ids": [each.id for each in found]})
    counts = {id_: (int(waiting), int(dead)) for id_, waiting, dead in rows}
    return [_shown(each, counts.get(each.id, (0, 0))) for each in found]


def _shown(subscription: Subscription, counts: tuple[int, int]) -> dict[str, Any]:
    record = subscription.record()
    return {
        "id": subscription.id,
        "url": record["url"],
        "segments": record["segments"],
        "include_moves": record["include_moves"],
        "consent": record["consent"],
        "created_at": record["created_at"],
        "waiting": counts[0],
        "dead": counts[1],
    }


async def _dead_rows(
    request: Request, id_: str, partition: int, offset: int, limit: int, dead_id: str = ""
) -> list[list[Any]]:
    """Return the columns of `_DEAD` from a place on."""
    parameters = {"id": id_, "partition": partition, "offset": offset, "limit": limit, "dead": dead_id}
    return await _clickhouse(request).rows(_DEAD, parameters)


async def _replay(request: Request, id_: str, rows: Sequence[Sequence[Any]]) -> None:
    deliveries: Deliveries = request.app.state.deliveries
    now = time.time_ns() // 1_000_000
    await deliveries.replay(
        id_,
        [
            Delivery((row[1], int(row[2])), row[0], row[3], row[4], int(row[5]), at=now, due=now, waiting=True)
            for row in rows
        ],
    )


def _subscriptions(request: Request) -> Subscriptions:
    found: Subscriptions = request.app.state.subscriptions
    return found


def _clickhouse(request: Request) -> ClickHouse:
    found: ClickHouse = request.app.state.clickhouse
    return found
