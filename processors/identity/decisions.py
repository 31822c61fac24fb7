"""Decisions as they are published: what was joined, refused, split, linked or released, and why, in a sentence.

A decision's id follows from what it is about. What takes it back (`split`, `withdrawn`) has the id of what it takes
back, so the newest record of each id says what stands.
"""

from typing import Final, Literal

from processors.identity.component import Ruling
from processors.identity.grouping import BY_OPERATOR, JOINED, SHARED, Moment, Node, Pair
from schemas.codec import SCHEMA_VERSION
from schemas.identifier import uuid5_text
from schemas.records import Decision
from schemas.times import to_iso

Kind = Literal["join", "split", "refuse", "shared", "link", "unlink", "release", "withdrawn"]
SPELLING: Final = "spelling"  # outcome: joined, because a mail provider knows both addresses as one mailbox
_JOINS: Final = {JOINED: "pair", SPELLING: SPELLING}  # outcomes that are joins, with their rule


# (kind, a, b, owner of a, owner of b, outcome, when, operator): a decision that has come to be, or to be no longer.
# Owners are the strongest identifiers of the two profiles now; `when` is the moment of the evidence, of an operator's
# decision the time only; `operator` is their decision id and reason.
Operator = tuple[str, str] | None
Change = tuple[Kind, Node, Node | None, Node, Node, str, Moment, Operator]


def came(pair: Pair, outcome: str, when: Moment, owners: tuple[Node, Node]) -> Change:
    """Return that the evidence of a pair led to this outcome."""
    return ("join" if outcome in _JOINS else "refuse", *pair, *owners, outcome, when, None)


def went(pair: Pair, outcome: str, when: Moment, owners: tuple[Node, Node]) -> Change:
    """Return that the evidence of a pair leads to this outcome no longer."""
    kind: Kind = "split" if outcome in _JOINS and owners[0] != owners[1] else "withdrawn"
    return (kind, *pair, *owners, outcome, when, None)


def ruled(pair: Pair, ruling: Ruling, owners: tuple[Node, Node], *, stands: bool) -> Change:
    """Return that an operator's link or split stands, or does no longer."""
    kind: Kind = "link" if ruling.kind == "link" else "unlink"
    if not stands:
        kind = "withdrawn"
    elif ruling.refused:
        kind = "refuse"
    return (kind, *pair, *owners, BY_OPERATOR, (ruling.at, "", ""), (ruling.public_id(), ruling.reason))


def released(identifier: Node, owner: Node, decision_id: str, at: int, reason: str) -> Change:
    """Return that an operator released an identifier, whose profile is now known by `owner`."""
    return ("release", identifier, None, owner, owner, BY_OPERATOR, (at, "", ""), (decision_id, reason))


def shared(identifier: Node, when: Moment) -> Change:
    """Return that an identifier is shared and joins nothing any more."""
    return ("shared", identifier, None, identifier, identifier, SHARED, when, None)


def shared_no_longer(identifier: Node, owner: Node, when: Moment) -> Change:
    """Return that an identifier is not shared under another policy; its profile is known by `owner`."""
    return ("withdrawn", identifier, None, owner, owner, SHARED, when, None)


class Seeds(dict[Node, str]):
    """The seeds of identifiers, each made once: a batch names most of them several times."""

    def __missing__(self, identifier: Node) -> str:
        seed = self[identifier] = uuid5_text(f"{identifier[0]}:{identifier[1]}")
        return seed


def decision(change: Change, version: int, seeds: Seeds) -> Decision:
    """Return the record of `identity.decisions`."""
    kind, a, b, a_owner, b_owner, outcome, when, operator = change
    rule = _JOINS.get(outcome, outcome)
    return {
        "schema_version": SCHEMA_VERSION,
        "decision_id": _id_of(a, b, rule, when) if operator is None else operator[0],
        "kind": kind,
        "profile_id": seeds[a_owner],
        "other_profile_id": None if b_owner == a_owner else seeds[b_owner],
        "a": {"type": a[0], "value": a[1]},
        "b": None if b is None else {"type": b[0], "value": b[1]},
        "rule": rule,
        "at": to_iso(when[0]),
        "event_ids": [when[2]] if when[2] else [],
        "message": message(change),
        "version": version,
    }


def _id_of(a: Node, b: Node | None, rule: str, when: Moment) -> str:
    """Name what the decision is about: its identifiers, rule and event. An identifier becomes shared only once."""
    other = "" if b is None else f"{b[0]}\0{b[1]}\0{when[2]}"
    return uuid5_text(f"decision\0{a[0]}\0{a[1]}\0{rule}\0{other}")


def message(change: Change) -> str:
    """Return a sentence for a support agent. It names types only: the values stand beside it."""
    kind, (a, _), other, _, _, outcome, _, operator = change
    if other is None and kind == "withdrawn":
        return f"Under another policy this {a} is not shared by too many people any more."
    if other is None:
        shared_by_many = f"This {a} was seen with too many stronger identifiers to be one person's; it joins nobody."
        return shared_by_many if operator is None else operator[1]
    together = f"This {a} and this {other[0]} came in one event"
    if operator is not None:
        refused = f"An operator linked these two ({operator[1]}), but a later decision keeps them apart."
        return refused if kind == "refuse" else operator[1]
    if kind == "withdrawn":
        return f"Other evidence or another policy has replaced what was decided about this {a} and this {other[0]}."
    if kind == "split":
        return f"{together}, but earlier or stronger evidence, or another policy, keeps them apart."
    if outcome == JOINED:
        return f"{together}."
    if outcome == SPELLING:
        return "The mail provider delivers both addresses to one mailbox."
    if outcome == SHARED:
        return f"{together}, but one of them is shared by too many people."
    rule, _, limited = outcome.partition(":")
    if rule == "limit":
        return f"{together}, but one person would then hold too many identifiers of type {limited}."
    return f"{together}, but an operator split them."
