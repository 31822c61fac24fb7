"""Why a profile is what it is: the links that hold it together, and the joins that were refused.

Made from what is published anyway: records of `identity.decisions`, and the logins in archived events. Shapes are those
of `GET /v1/profiles/{key}/explain`.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, TypedDict

from processors.identity.evidence import Item
from schemas.event import IdentifierJson
from schemas.records import Decision
from schemas.times import to_iso

_LINKS: Final = frozenset({"join", "link"})
_REFUSALS: Final = frozenset({"refuse", "unlink", "shared", "release"})
LOGIN: Final = "login"


class Link(TypedDict):
    """Two identifiers of one person. `event_ids` are empty for an operator's link, which has a `decision_id`
    instead."""

    a: IdentifierJson
    b: IdentifierJson
    rule: str
    at: str
    event_ids: list[str]
    decision_id: str | None


class Refusal(TypedDict):
    """Why two identifiers are not joined, or (`b` null) why one joins nothing."""

    a: IdentifierJson
    b: IdentifierJson | None
    rule: str
    at: str
    event_ids: list[str]
    decision_id: str
    message: str


class Explanation(TypedDict):
    """Everything that speaks for a profile and against a larger one, the strongest links first."""

    profile_id: str
    links: list[Link]
    refusals: list[Refusal]


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the newest record of each decision, in the order of the first ones."""
    newest: dict[str, Decision] = {}
    for decision in decisions:
        known = newest.get(decision["decision_id"])
        if known is None or known["version"] <= decision["version"]:
            newest[decision["decision_id"]] = decision
    return list(newest.values())


def explain(profile_id: str, decisions: Iterable[Decision], logins: Iterable[Item] = ()) -> Explanation:
    """Return the explanation of a profile.

    `decisions` are records that name the profile, in any order and number; `logins` are `login` items (`evidence`) on
    the profile's weak identifiers by its strong ones. Of the logins of one identifier on another the earliest is shown.
    """
    current = standing(decisions)
    released = {_key(d["a"]): d["at"] for d in current if d["kind"] == "release"}
    links = [
        link_of(decision) for decision in current if decision["kind"] in _LINKS and decision["profile_id"] == profile_id
    ]
    links += _earliest_logins(logins)
    refusals = [
        refusal_of(decision)
        for decision in current
        if decision["kind"] in _REFUSALS
        and profile_id in (decision["profile_id"], decision["other_profile_id"])
        and not _is_released(decision, released)
    ]
    return {"profile_id": profile_id, "links": links, "refusals": refusals}


def path(a: IdentifierJson, b: IdentifierJson, links: Sequence[Link]) -> list[Link] | None:
    """Return the shortest chain of links from `a` to `b`, each turned in its direction; None if there is none."""
    neighbours: dict[tuple[str, str], list[tuple[tuple[str, str], Link]]] = {}
    for link in links:
        one, other = _key(link["a"]), _key(link["b"])
        neighbours.setdefault(one, []).append((other, link))
        neighbours.setdefault(other, []).append((one, _turned(link)))
    start, goal = _key(a), _key(b)
    came_by: dict[tuple[str, str], list[Link]] = {start: []}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here == goal:
            return came_by[here]
        for there, link in neighbours.get(here, ()):
            if there not in came_by:
                came_by[there] = [*came_by[here], link]
                queue.append(there)
    return None


def _earliest_logins(logins: Iterable[Item]) -> list[Link]:
    earliest: dict[tuple[str, str, str, str], Item] = {}
    for item in logins:
        _, weak_type, weak_value, type_, value, *when = item
        pair = (weak_type, weak_value, type_, value)
        if pair not in earliest or when < earliest[pair][5:]:
            earliest[pair] = item
    return [
        {
            "a": {"type": weak_type, "value": weak_value},
            "b": {"type": type_, "value": value},
            "rule": LOGIN,
            "at": to_iso(t),
            "event_ids": [event_id],
            "decision_id": None,
        }
        for _, weak_type, weak_value, type_, value, t, _, event_id in earliest.values()
    ]


def link_of(decision: Decision) -> Link:
    """Return the link that a join or an operator's link is."""
    assert decision["b"] is not None, "a link is between two"
    is_operators = decision["kind"] == "link"
    return {
        "a": decision["a"],
        "b": decision["b"],
        "rule": decision["rule"],
        "at": decision["at"],
        "event_ids": decision["event_ids"],
        "decision_id": decision["decision_id"] if is_operators else None,
    }


def refusal_of(decision: Decision) -> Refusal:
    """Return the refusal that a decision is."""
    return {
        "a": decision["a"],
        "b": decision["b"],
        "rule": decision["rule"],
        "at": decision["at"],
        "event_ids": decision["event_ids"],
        "decision_id": decision["decision_id"],
        "message": decision["message"],
    }


def _is_released(decision: Decision, released: dict[tuple[str, str], str]) -> bool:
    """A release ends what was said of a shared identifier without naming each of its many neighbours."""
    named = [_key(decision["a"])] + ([] if decision["b"] is None else [_key(decision["b"])])
    return decision["rule"] == "shared" and any(decision["at"] < released.get(key, "") for key in named)


def _turned(link: Link) -> Link:
    return {**link, "a": link["b"], "b": link["a"]}


def _key(identifier: IdentifierJson) -> tuple[str, str]:
    return (identifier["type"], identifier["value"])
