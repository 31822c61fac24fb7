"""`/v1/profiles/{key}/identifiers` and `…/consent`: what a profile sums up, in full and with where it came from."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import pagination
from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.identifiers import BEGINNING, identifiers_of
from api.keys import Key, nobody
from api.problems import responses
from api.profiles import Profiles
from processors.profile.consent import history
from schemas.codec import dumps, loads
from schemas.identifier import Identifier
from schemas.times import to_millis

router = APIRouter(prefix="/v1/profiles", tags=["profiles"], dependencies=[Authorised])

_CONSENT = """\
SELECT raw FROM events_of(profile_id = {owner:UUID})
WHERE JSONHas(context, 'consent') OR (type = 'identify' AND JSONHas(traits, 'consent'))"""


@router.get("/{key}/identifiers", responses=responses(400, 404))
async def identifiers(
    request: Request, key: Key, limit: pagination.Limit = 100, cursor: pagination.Cursor = None
) -> Response:
    """Answer all identifiers of whoever has this one, with the intervals in which they are theirs, strongest first."""
    document = await _profile(request, key)
    place, type_, value, start = pagination.decode(cursor, int, str, str, int) if cursor else BEGINNING
    items, following = await identifiers_of(_clickhouse(request), document, (place, type_, value, start), limit)
    return pagination.page([dumps(item) for item in items], pagination.encode(*following) if following else None)


@router.get("/{key}/consent", responses=responses(400, 404))
async def consent(
    request: Request, key: Key, limit: pagination.Limit = 100, cursor: pagination.Cursor = None
) -> Response:
    """Answer every change of consent of whoever has the identifier, with the event that made it, newest first."""
    document = await _profile(request, key)
    rows = await _clickhouse(request).rows(_CONSENT, {"owner": document["profile_id"]})
    events = [loads(row[0]) for row in rows]
    changes = history((event, to_millis(event["occurred_at"])) for event in events)
    changes.sort(key=_place, reverse=True)
    if cursor:
        behind = pagination.decode(cursor, str, str, str)
        changes = [change for change in changes if _place(change) < behind]
    following = pagination.encode(*_place(changes[limit - 1])) if len(changes) > limit else None
    return pagination.page([dumps(change) for change in changes[:limit]], following)


def _place(change: dict[str, Any]) -> list[str]:
    return [change["at"], change["purpose"], change["event_id"]]


async def _profile(request: Request, key: Identifier) -> dict[str, Any]:
    """Return the profile of whoever has the identifier. Raises `Problem` (not-found)."""
    profiles: Profiles = request.app.state.profiles
    raw = await profiles.find(key)
    if raw is None:
        raise nobody(f"{key.type}:{key.value}")
    document: dict[str, Any] = loads(raw)
    return document


def _clickhouse(request: Request) -> ClickHouse:
    found: ClickHouse = request.app.state.clickhouse
    return found
