"""`/v1/privacy`: forgetting a person, and everything that is held about one."""

import time
import uuid
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.auth import Authorised
from api.export import export_of
from api.keys import Key, identifier_of, nobody
from api.privacy import Privacy
from api.problems import responses
from api.profiles import Profiles
from schemas import privacy
from schemas.codec import dumps, loads
from schemas.errors import Problem
from schemas.identifier import Identifier
from schemas.settings import Settings

router = APIRouter(prefix="/v1/privacy", tags=["privacy"], dependencies=[Authorised])


class Named(BaseModel):
    """Any identifier of the person, a profile id (type `profile_id`) too; it is normalised here."""

    type: str = Field(max_length=200)
    value: str = Field(max_length=2000)


class EraseRequest(BaseModel):
    """Whom to forget: everything that was received about them up to now."""

    identifier: Named
    mode: Literal["erase", "suppress"] = Field(
        "erase", description="`erase`: a new event starts an empty profile; `suppress`: the person is kept out."
    )


class Accepted(BaseModel):
    """The request is in the log, and the person is in no answer any more."""

    request_id: str


class Store(BaseModel):
    """What became of the person's data in one store."""

    store: str
    state: Literal["gone", "masked"] = Field(description="`masked`: never read again, until the topic lets go of it.")
    removed: int | None = Field(None, description="Rows, where they can be counted.")
    at: str
    until: str | None = Field(None, description="When the store lets go of what is masked; null: never, by default.")


class Status(BaseModel):
    """A request and what was removed where."""

    request_id: str
    mode: Literal["erase", "suppress"]
    state: Literal["accepted", "forgetting", "finished"]
    at: str = Field(description="The request's moment: what was received up to it is erased.")
    finished_at: str | None
    report: list[Store]


@router.post("/erase", status_code=202, responses=responses(400, 422, 503))
async def erase(request: Request, response: Response, body: EraseRequest) -> Accepted:
    """Forget a person by any of their identifiers. They are gone from all answers at once, from the tables soon."""
    identifier = _identifier(request, body.identifier)
    request_id = str(uuid.uuid4())
    asked: privacy.Request = {
        "request_id": request_id,
        "mode": body.mode,
        "at": time.time_ns() // 1_000_000,
        "identifier": [*identifier],
    }
    await _privacy(request).ask(asked, await _same_person(request, identifier))
    response.headers["Location"] = f"/v1/privacy/requests/{request_id}"
    return Accepted(request_id=request_id)


@router.get("/requests/{request_id}", responses=responses(404, 503))
async def status(request: Request, request_id: str) -> Status:
    """Answer how far a request has come, and, once it is finished, what was removed where and when."""
    known = await _privacy(request).request(request_id)
    if known is None:
        raise Problem("not-found", f"There is no privacy request {request_id[:100]}.")
    return Status(
        request_id=request_id,
        mode=known.mode,
        state=known.state,
        at=known.at,
        finished_at=known.finished_at,
        report=[Store.model_validate(each) for each in known.report],
    )


@router.get("/export/{key}", responses=responses(400, 404))
async def export(request: Request, key: Key) -> Response:
    """Answer everything that is held about a person, and where it came from, as one JSON document."""
    profiles: Profiles = request.app.state.profiles
    found = await profiles.find(key)
    if found is None:
        raise nobody(f"{key.type}:{key.value}")
    document = await export_of(request.app.state.clickhouse, loads(found))
    headers = {"Content-Disposition": 'attachment; filename="export.json"'}
    return Response(dumps(document), media_type="application/json", headers=headers)


async def _same_person(request: Request, identifier: Identifier) -> list[Identifier]:
    """Return who else is the same person as far as is published: their profile, and what is theirs alone."""
    profiles: Profiles = request.app.state.profiles
    found = await profiles.find(identifier)
    if found is None:
        return []
    document = loads(found)
    listed = [
        Identifier(each["type"], each["value"])
        for each in document["identifiers"]
        if each.get("from") is None and each.get("to") is None
    ]
    return [Identifier(privacy.PROFILE_ID, document["profile_id"]), *listed]


def _identifier(request: Request, named: Named) -> Identifier:
    settings: Settings = request.app.state.settings
    try:
        identifier = identifier_of(f"{named.type}:{named.value}", settings.default_country)
    except Problem as problem:
        raise Problem("invalid", f"`identifier`: {problem.args[0]}") from problem
    if identifier is None:
        raise Problem("invalid", f"`identifier`: this value can name nobody (blocked, or no valid {named.type}).")
    return identifier


def _privacy(request: Request) -> Privacy:
    found: Privacy = request.app.state.privacy
    return found
