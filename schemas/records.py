"""What the processes publish besides events: one TypedDict per record, with its units.

Times named `at` are ISO 8601 UTC text; `from` and `to` of assignments are milliseconds since 1970, because they are
compared in every process and shown by none without being converted first.
"""

from typing import Any, Literal, NotRequired

# pydantic makes JSON Schemas of these; before Python 3.12 it needs this TypedDict.
from typing_extensions import TypedDict

from schemas.event import IdentifierJson

# The functional form is for the one field that is a Python keyword.
Assignment = TypedDict(
    "Assignment",
    {
        "schema_version": int,
        "seed": str,
        "type": str,
        "value": str,
        "from": int | None,  # start of the slice, inclusive; None: unbounded
        "to": int | None,  # end of the slice, exclusive; None: unbounded
        "profile_id": str | None,  # None: this slice (seed, from) exists no longer
        "version": int,  # grows with every record about this seed
    },
)
"""`identity.assignments`: one slice of one seed; a strong seed has one slice, (None, None).

The record key is the seed for the first slice and `seed/from` for the others, so that compaction keeps every slice; the
partition is always the seed's.
"""


class Decision(TypedDict):
    """`identity.decisions`: why a profile has the identifiers it has. Key: `profile_id`."""

    schema_version: int
    decision_id: str
    kind: Literal["join", "split", "refuse", "shared", "link", "unlink", "release", "withdrawn"]
    profile_id: str
    other_profile_id: str | None
    a: IdentifierJson
    b: IdentifierJson | None
    rule: str  # e.g. `pair`, `limit:user_id`, `shared`, `operator`
    at: str  # event time of the evidence
    event_ids: list[str]
    message: str
    version: int  # position in the evidence log that this decision follows from


class PolicyDecision(TypedDict):
    """An operator's decision about the identity policy."""

    policy: dict[str, Any]  # in full, as `processors.identity.policy_file` describes it
    decision_id: str | None  # None: the file with which the log began
    reason: str
    at: str | None


class PolicyRecord(TypedDict):
    """`identity.policy`: under which policy people are grouped. Key: `policy`."""

    schema_version: int
    applied: PolicyDecision  # what assignments and decisions follow from
    wanted: PolicyDecision | None  # a newer decision that is on its way
    state: Literal["live", "refolding", "publishing", "clearing"]
    progress: float  # of this state, 0 to 1


class Because(TypedDict):
    """Why a membership changed."""

    kind: Literal["event", "time", "definition", "identity", "erasure"]
    event_id: NotRequired[str]
    moved_to: NotRequired[str]
    moved_from: NotRequired[str]


class SegmentChange(TypedDict):
    """`segments.changes`: one transition of one profile in one segment. Key: `profile_id`."""

    schema_version: int
    change_id: str
    segment_id: str
    segment_version: int
    profile_id: str
    change: Literal["entered", "exited"]
    sequence: int  # 1, 2, 3 … per profile and segment; odd: entered
    at: str
    because: Because
    identifiers: list[dict[str, Any]]
    aliases: list[str]


class DefinitionRecord(TypedDict):
    """`segments.definitions`: the newest version of a segment. Key: `segment_id`."""

    schema_version: int
    segment_id: str
    version: int
    definition: dict[str, Any] | None  # None: deleted
    updated_at: str


class SegmentProgress(TypedDict):
    """`segments.progress`: one partition of the workers has applied a version. Key: `segment_id/partition`."""

    schema_version: int
    segment_id: str
    version: int
    partition: int
    partitions: int  # how many have to report before the version is live everywhere


class SubscriptionRecord(TypedDict):
    """`segments.subscriptions`: who gets webhooks. Key: `subscription_id`; no value: deleted. Holds the secret."""

    schema_version: int
    subscription_id: str
    url: str
    segments: list[str] | None  # None: of all segments
    include_moves: bool
    consent: str | None  # a purpose: only of people who have granted it
    secret: str
    after: str  # cursor of the changes from which it is delivered
    created_at: str


class ReachedRecord(TypedDict):
    """`segments.deliveries`: every change before `after` is delivered, or has a record of its own. Key: subscription.

    The partition is always that of the subscription's id.
    """

    schema_version: int
    subscription_id: str
    after: str


class DeliveryRecord(TypedDict):
    """`segments.deliveries`: a change that waits for another try, or is dead. Key: `subscription/partition-offset`.

    The partition is always that of the subscription's id; no value: delivered after all, or let go of.
    """

    schema_version: int
    subscription_id: str
    partition: int  # where the change is in `segments.changes`
    offset: int
    webhook_id: str
    segment_id: str
    profile_id: str
    sequence: int
    state: Literal["waiting", "dead"]
    attempts: int  # how often it was tried
    error: str  # why the last try failed; empty: waits behind another change of the profile
    at: str  # when it became so
    due: str | None  # when it is tried next, if by itself
    replay: bool  # an operator asked for it to be tried anew


class DeadLetter(TypedDict):
    """`events.rejected`: something that was not accepted, with what a person needs to mend it. Key: `source`."""

    schema_version: int
    id: str
    source: str
    reason: str  # a member of `errors.REASONS`
    message: str
    at: str
    payload: str  # as readable text


class Replay(TypedDict):
    """`events.replays`: what became of a dead letter that went in again. Key: `source`."""

    schema_version: int
    id: str  # the dead letter's
    source: str
    at: str  # when it was replayed
    outcome: Literal["accepted", "rejected"]
    event_ids: list[str]  # the events that it became
    reason: str | None  # why it was rejected again: a member of `errors.REASONS`
    message: str
    corrected: bool  # whether a person had changed the payload
