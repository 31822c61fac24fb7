"""What one batch of evidence changes: assignments, decisions, questions to the workers, and the writer's own state."""

from dataclasses import dataclass, field

from processors.identity.evidence import Release, Watch
from processors.identity.grouping import JOINED, Moment
from schemas.codec import SCHEMA_VERSION
from schemas.identifier import Identifier, seed_of, uuid5_text
from schemas.records import Assignment, Decision
from schemas.times import to_iso


@dataclass(slots=True)
class Outcome:
    """Everything that follows from a batch, each list in an order that follows from state and batch alone."""

    assignments: list[Assignment] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    writes: dict[bytes, bytes | None] = field(default_factory=dict)


def assignment(
    identifier: Identifier, start: int | None, end: int | None, owner: Identifier | None, version: int
) -> Assignment:
    """Return the record that says whose a slice of an identifier is; `owner` None: this slice exists no longer."""
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": seed_of(identifier),
        "type": identifier[0],
        "value": identifier[1],
        "from": start,
        "to": end,
        "profile_id": None if owner is None else seed_of(owner),
        "version": version,
    }


def decision_id(kind: str, a: Identifier, b: Identifier | None, rule: str, event_id: str) -> str:
    """Return the id of a decision: the same for the same identifiers, rule and event, whoever derives it when."""
    other = "" if b is None else f"{b[0]}\0{b[1]}"
    return uuid5_text(f"decision\0{kind}\0{a[0]}\0{a[1]}\0{other}\0{rule}\0{event_id}")


def evidence_decision(
    kind: str,
    outcome: str,
    when: Moment,
    pair: tuple[Identifier, Identifier],
    owners: tuple[Identifier, Identifier],
    version: int,
) -> Decision:
    """Return the record about a pair of the evidence.

    `outcome` is what became of the pair (joined, or the rule that refused it), `when` the moment of the evidence.
    `kind` is `join` or `refuse` when this has come to be; `split` or `withdrawn` when it is no longer so: the record
    then has the id of the one that it takes back. `owners` are the strongest identifiers of the profiles of the two
    now.
    """
    a, b = pair
    made = "join" if outcome == JOINED else "refuse"
    rule = "pair" if outcome == JOINED else outcome
    mine, other = owners
    return {
        "schema_version": SCHEMA_VERSION,
        "decision_id": decision_id(made, a, b, rule, when[2]),
        "kind": kind,  # type: ignore[typeddict-item]  # one of the four named above
        "profile_id": seed_of(mine),
        "other_profile_id": None if other == mine else seed_of(other),
        "a": {"type": a[0], "value": a[1]},
        "b": {"type": b[0], "value": b[1]},
        "rule": rule,
        "at": to_iso(when[0]),
        "event_ids": [when[2]],
        "message": message(kind, outcome, a, b),
        "version": version,
    }


def operator_decision(
    kind: str,
    decision_id_: str,
    pair: tuple[Identifier, Identifier | None],
    owners: tuple[Identifier, Identifier],
    at: int,
    text: str,
    version: int,
) -> Decision:
    """Return the record about something an operator decided (`link`, `unlink`, `release`, `withdrawn`)."""
    a, b = pair
    mine, other = owners
    return {
        "schema_version": SCHEMA_VERSION,
        "decision_id": decision_id_,
        "kind": kind,  # type: ignore[typeddict-item]
        "profile_id": seed_of(mine),
        "other_profile_id": None if other == mine else seed_of(other),
        "a": {"type": a[0], "value": a[1]},
        "b": None if b is None else {"type": b[0], "value": b[1]},
        "rule": "operator",
        "at": to_iso(at),
        "event_ids": [],
        "message": text,
        "version": version,
    }


def shared_decision(identifier: Identifier, when: Moment, threshold: int, version: int) -> Decision:
    """Return the record that an identifier is shared and joins nothing any more."""
    return {
        "schema_version": SCHEMA_VERSION,
        "decision_id": decision_id("shared", identifier, None, "shared", ""),
        "kind": "shared",
        "profile_id": seed_of(identifier),
        "other_profile_id": None,
        "a": {"type": identifier[0], "value": identifier[1]},
        "b": None,
        "rule": "shared",
        "at": to_iso(when[0]),
        "event_ids": [when[2]],
        "message": f"This {identifier[0]} was seen with more than {threshold} stronger identifiers; it joins nobody.",
        "version": version,
    }


def message(kind: str, outcome: str, a: Identifier, b: Identifier) -> str:
    """Return a sentence for a support agent. Holds types only: values stand beside it."""
    if kind == "join":
        return f"This {a[0]} and this {b[0]} came in one event."
    if kind == "split":
        return f"This {a[0]} and this {b[0]} came in one event, but earlier or stronger evidence keeps them apart."
    if kind == "withdrawn":
        return f"What was decided about this {a[0]} and this {b[0]} is no longer so."
    if outcome == "operator":
        return f"This {a[0]} and this {b[0]} came in one event, but an operator split them."
    if outcome == "shared":
        return f"This {a[0]} and this {b[0]} came in one event, but one of them is shared by too many people."
    limited = outcome.partition(":")[2]
    return f"This {a[0]} and this {b[0]} came in one event, but one person would hold too many of type {limited}."
