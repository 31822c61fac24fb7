"""`/v1/identity` and `…/explain`: operators' decisions about who is who, and why a profile is what it is."""

import time
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.evidence import Evidence
from api.keys import Key, identifier_of, nobody
from api.problems import responses
from api.profiles import Profiles
from processors.identity.evidence import Item, link, pairs_of, policy_decision, release, split
from processors.identity.explain import Explanation, explain, path
from processors.identity.normalise import normalise
from processors.identity.policy_file import PolicyError, document_of, policy_of
from schemas.codec import dumps, loads
from schemas.errors import Problem
from schemas.event import IdentifierJson
from schemas.identifier import PLACE, Identifier, family_of, is_weak
from schemas.settings import Settings

router = APIRouter(tags=["identity"], dependencies=[Authorised])

MOST_IDENTIFIERS = 100
OPERATOR = "api"
# Every record of each decision that has ever named the profile: the newest one says whether it still does.
_DECISIONS = """\
SELECT raw FROM decisions FINAL WHERE decision_id IN (
    SELECT decision_id FROM decisions WHERE profile_id = {owner:UUID} OR other_profile_id = {owner:UUID}
) ORDER BY version, decision_id"""
# The first event of the person in which each cookie or device came with somebody logged in.
_LOGINS = """\
SELECT argMin(raw, (occurred_at, message_id, event_id)) FROM events_of(profile_id = {owner:UUID})
ARRAY JOIN identifiers AS weak
WHERE weak.1 IN ('anonymous_id', 'device_id') AND NOT weak.1 = identifiers[1].1
GROUP BY weak ORDER BY weak"""

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    Field(description="Why, for whoever asks later."),
]


class Named(BaseModel):
    """An identifier as the caller writes it; it is normalised here."""

    type: str = Field(max_length=200)
    value: str = Field(max_length=2000)


class LinkRequest(BaseModel):
    """Two strong identifiers that are one person's."""

    a: Named
    b: Named
    reason: Reason


class SplitRequest(BaseModel):
    """Strong identifiers that leave the profile of `from`."""

    identifiers: list[Named] = Field(min_length=1, max_length=MOST_IDENTIFIERS)
    from_: Named = Field(alias="from")
    reason: Reason


class ReleaseRequest(BaseModel):
    """An identifier whose evidence up to now is forgotten: whoever uses it next gets it."""

    identifier: Named
    reason: Reason


class PolicyRequest(BaseModel):
    """Another policy for all of the evidence: the content of the policy file, as JSON."""

    policy: dict[str, Any] = Field(description="Keys as in the file; what is left out is as built in.")
    reason: Reason


class PolicyDecided(BaseModel):
    """A policy in full, and the decision that brought it; the file that began the log has none."""

    policy: dict[str, Any]
    decision_id: str | None
    reason: str
    at: str | None


class PolicyInForce(BaseModel):
    """Under which policy people are grouped, and how far the next has come."""

    applied: PolicyDecided
    wanted: PolicyDecided | None
    state: Literal["live", "refolding", "publishing", "clearing"]
    progress: float = Field(description="Of the state, 0 to 1.")


class Accepted(BaseModel):
    """The decision is in the log; it shows in `explain` when it has been applied."""

    decision_id: str


@router.post("/v1/identity/link", status_code=202, responses=responses(400, 422, 503))
async def post_link(request: Request, body: LinkRequest) -> Accepted:
    """Decide that two strong identifiers are one person's: they join first, and count as one towards the limits."""
    a, b = _strong(request, body.a, "a"), _strong(request, body.b, "b")
    if a == b:
        raise Problem("invalid", "`a` and `b` are the same identifier; name two.")
    return await _decide(request, lambda id_, at: link(a, b, id_, body.reason, at, OPERATOR))


@router.post("/v1/identity/split", status_code=202, responses=responses(400, 422, 503))
async def post_split(request: Request, body: SplitRequest) -> Accepted:
    """Decide that strong identifiers are not the person of `from`; they are never joined again until linked."""
    from_ = _strong(request, body.from_, "from")
    named = [_strong(request, each, f"identifiers[{index}]") for index, each in enumerate(body.identifiers)]
    if from_ in named:
        raise Problem("invalid", "`from` is among the identifiers that leave it; name another one that stays.")
    return await _decide(request, lambda id_, at: split(named, from_, id_, body.reason, at, OPERATOR))


@router.post("/v1/identity/release", status_code=202, responses=responses(400, 422, 503))
async def post_release(request: Request, body: ReleaseRequest) -> Accepted:
    """Decide that an identifier's evidence before now is forgotten, so that whoever uses it next gets it."""
    identifier = _identifier(request, body.identifier, "identifier")
    return await _decide(request, lambda id_, at: release(identifier, id_, body.reason, at, OPERATOR))


@router.get("/v1/identity/policy", responses=responses(404, 503))
async def get_policy(request: Request) -> PolicyInForce:
    """Answer the policy in force, and how far another one has come that was decided since."""
    found = await _evidence(request).policy()
    if found is None:
        raise Problem("not-found", "There has been no identity writer yet; it says which policy it begins with.")
    return PolicyInForce.model_validate(found)


@router.post("/v1/identity/policy", status_code=202, responses=responses(409, 422, 503))
async def post_policy(request: Request, body: PolicyRequest) -> Accepted:
    """Decide that all evidence, past and future, is read under another policy; `GET` says how far that has come.

    Only what differs is published: people who are the same under both policies notice nothing.
    """
    try:
        document = document_of(policy_of(body.policy))
    except PolicyError as error:
        raise Problem("invalid", str(error)) from error
    await _evidence(request).check_complete()
    return await _decide(request, lambda id_, at: policy_decision(document, id_, body.reason, at, OPERATOR))


@router.get("/v1/profiles/{key}/explain", responses=responses(400, 404))
async def get_explain(
    request: Request,
    key: Key,
    a: Annotated[str | None, Query(max_length=2000, description="With `b`: one end of a path, `type:value`.")] = None,
    b: Annotated[str | None, Query(max_length=2000, description="The other end.")] = None,
) -> Response:
    """Answer the links that hold a profile together and the joins that were refused, each with the events behind it.

    With `a` and `b`: only the chain of links between these two identifiers of the profile.
    """
    profiles: Profiles = request.app.state.profiles
    if await profiles.find(key) is None:
        raise nobody(f"{key.type}:{key.value}")
    explanation = await explanation_of(request.app.state.clickhouse, await profiles.owner(key))
    if a is None and b is None:
        return Response(dumps(explanation), media_type="application/json")
    if a is None or b is None:
        raise Problem("bad-request", "A path has two ends: give both `a` and `b`.")
    country = _settings(request).default_country
    one, other = (identifier_of(each, country) for each in (a, b))
    found = path(_json(one), _json(other), explanation["links"]) if one and other else None
    if found is None:
        raise Problem("not-found", f"{a} and {b} are not both identifiers of this profile.")
    return Response(dumps({"path": found}), media_type="application/json")


async def explanation_of(clickhouse: ClickHouse, owner: str) -> Explanation:
    """Return the explanation of a profile from what is projected."""
    decisions = [loads(row[0]) for row in await clickhouse.rows(_DECISIONS, {"owner": owner})]
    events = [loads(row[0]) for row in await clickhouse.rows(_LOGINS, {"owner": owner})]
    logins = [item for event in events for item in pairs_of(event)[1] if item[0] == "login"]
    return explain(owner, decisions, logins)


async def _decide(request: Request, item: Any) -> Accepted:
    decision_id = str(uuid.uuid4())
    made: Item = item(decision_id, time.time_ns() // 1_000_000)
    await _evidence(request).publish(made)
    return Accepted(decision_id=decision_id)


def _evidence(request: Request) -> Evidence:
    evidence: Evidence = request.app.state.evidence
    return evidence


def _identifier(request: Request, named: Named, place: str) -> Identifier:
    """Return a named identifier in its normal form. Raises `Problem` (invalid) where it can name nobody."""
    if family_of(named.type) not in PLACE or family_of(named.type) == "order":
        raise Problem("invalid", f"`{place}`: {named.type!r} is no type of identifier; docs/identity.md lists them.")
    identifier = normalise(named.type, named.value, _settings(request).default_country)
    if identifier is None:
        raise Problem("invalid", f"`{place}`: this value can name nobody (it is blocked, or no valid {named.type}).")
    return identifier


def _strong(request: Request, named: Named, place: str) -> Identifier:
    identifier = _identifier(request, named, place)
    if is_weak(identifier.type):
        raise Problem("invalid", f"`{place}`: {identifier.type} is weak and joins nobody; name a strong identifier.")
    return identifier


def _json(identifier: Identifier) -> IdentifierJson:
    return {"type": identifier.type, "value": identifier.value}


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
