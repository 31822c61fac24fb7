"""Under which policy the identity writer groups people, and how far it has come with another one.

One record of the writer's state. A change goes through three phases: *refolding*, the evidence from the log's beginning
under the new policy into a generation of its own; *publishing* how that differs, the new generation being in force;
*clearing* the older one. Every step is a batch of its own, so a kill anywhere repeats one step.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from processors.identity.evidence import Item
from processors.identity.policy import Policy
from processors.identity.policy_file import document_of, policy_of
from schemas.codec import SCHEMA_VERSION, dumps, loads
from schemas.records import PolicyDecision, PolicyRecord
from schemas.times import to_iso

Phase = Literal["live", "refolding", "publishing", "clearing"]


@dataclass(slots=True)
class Decided:
    """A policy's document and the decision that brought it; a file that began the log has no decision."""

    document: dict[str, Any]
    decision_id: str | None = None
    reason: str = ""
    at: int = -1

    def order(self) -> tuple[int, str]:
        """Return the sort key by which one decision is newer than another."""
        return (self.at, self.decision_id or "")

    def policy(self) -> Policy:
        """Return the policy itself."""
        return policy_of(self.document)

    def public(self) -> PolicyDecision:
        """Return it as it is published."""
        at = to_iso(self.at) if self.decision_id is not None else None
        return {"policy": self.document, "decision_id": self.decision_id, "reason": self.reason, "at": at}


@dataclass(slots=True)
class PolicyState:
    """What is in force (`applied`, in `generation`), and what is on its way.

    `other` is the generation that is being made, compared with, or cleared; `place` how far that is, as the phase
    counts. `steps` numbers the steps of all changes for ever.
    """

    applied: Decided
    generation: int = 0
    newest: int = 0  # the highest number that a generation has had
    wanted: Decided | None = None
    phase: Phase = "live"
    other: int = 0
    before: dict[str, Any] | None = None  # publishing: the policy of the other generation
    position: int = 0  # refolding: the offset up to which the evidence has been folded
    kind: int = 0  # publishing and clearing: which kind of records
    key: str = ""  # of those the last one done
    steps: int = 0

    @classmethod
    def load(cls, record: bytes | None, file: Policy) -> "PolicyState":
        """Return the stored state; without any, that of a log that begins with the policy of the file."""
        if record is None:
            return cls(Decided(document_of(file)))
        values = loads(record)
        wanted = values.pop("wanted")
        return cls(Decided(**values.pop("applied")), wanted=None if wanted is None else Decided(**wanted), **values)

    def encode(self) -> bytes:
        """Return the record of this state."""
        return dumps(asdict(self))

    def decide(self, item: Item) -> bool:
        """Take an operator's decision in; tell whether it is the newest. It waits until `begin`."""
        _, document, decision_id, reason, at, _ = item
        decided = Decided(document, decision_id, reason, at)
        newest = self.applied if self.wanted is None else self.wanted
        if decided.order() <= newest.order():
            return False
        self.wanted = decided
        if self.phase == "refolding":
            # What has been folded under a policy that nobody wants any more goes; then this one begins.
            self.clear(self.other)
        return True

    def begin(self) -> None:
        """Begin with what is wanted, if that is another policy; otherwise what is in force stands."""
        self.phase = "live"
        wanted = self.wanted
        if wanted is None:
            return
        if wanted.policy() == self.applied.policy():
            self.applied, self.wanted = wanted, None
            return
        self.newest += 1
        self.phase, self.other, self.position = "refolding", self.newest, 0

    def switch(self) -> None:
        """Put the generation that has been made into force; what differs is still to be published."""
        assert self.wanted is not None, "a generation is made for a policy that is wanted"
        self.before = self.applied.document
        self.applied, self.wanted = self.wanted, None
        self.phase, self.generation, self.other = "publishing", self.other, self.generation
        self.kind, self.key = 0, ""

    def clear(self, generation: int) -> None:
        """Have a generation removed that nothing needs any more."""
        self.phase, self.other, self.before, self.kind, self.key = "clearing", generation, None, 0, ""

    def record(self, progress: float) -> PolicyRecord:
        """Return the record of `identity.policy`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "applied": self.applied.public(),
            "wanted": None if self.wanted is None else self.wanted.public(),
            "state": self.phase,
            "progress": round(progress, 4),
        }
