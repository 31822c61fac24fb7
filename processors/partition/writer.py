"""The identity writer's unit: evidence in; assignments, decisions and questions to the seeds out.

The one partition of `identity.evidence` is its input, so there is one writer at a time, whoever runs it; another
process that shares the work takes it over when this one is gone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from processors.identity.fold import IdentityFold
from processors.identity.policy import Policy
from processors.partition.effects import Effects, Reader, Record, Send
from processors.partition.keys import POSITIONS, part_of
from processors.partition.messages import encode
from schemas.codec import dumps, loads
from schemas.identifier import seed_of
from schemas.topics import Topics

# Key of what the writer says to every unit.
WRITER_KEY = "identity"
# Decoded identifiers kept between batches: those that are seen again soon. The rest waits in the store.
KEPT = 8_000


class Writer:
    """The fold of the identity writer's unit; a `Machine`."""

    def __init__(
        self, partitions: int, locate: Callable[[str], int], topics: Topics, reader: Reader, policy: Policy
    ) -> None:
        self._partitions = partitions
        self._locate = locate
        self._topics = topics
        self._fold = IdentityFold(policy, reader.get, KEPT)
        raw = reader.get(POSITIONS)
        self.positions: dict[str, int] = loads(raw) if raw else {}

    def old_events(self, records: Sequence[Record]) -> list[tuple[str, str, str, int]]:
        """Return nothing: evidence is no event."""
        return []

    def fold(self, records: Sequence[Record], now: int, archived: Mapping[str, bytes]) -> Effects:
        """Fold the evidence of a batch; the position of its last record is the version of what follows from it."""
        items: list[list[Any]] = []
        for record in records:
            if record.value is not None:
                items.extend(loads(record.value)["items"])
            self.positions[record.topic] = record.offset + 1
        outcome = self._fold.fold(items, self.positions.get(self._topics.evidence, 0))
        topics = self._topics
        sends: list[Send] = []
        for assignment in outcome.assignments:
            seed = assignment["seed"]
            key = part_of(seed, assignment["from"])
            sends.append((topics.assignments, key, dumps(assignment), self._locate(seed)))
        for decision in outcome.decisions:
            sends.append((topics.decisions, decision["profile_id"], dumps(decision), None))
        for watch in outcome.watches:
            seed = seed_of(watch.identifier)
            weak = None if watch.weak is None else list(watch.weak)
            sends.append((topics.inbox, seed, encode(seed, [["watch", list(watch.identifier), weak]]), None))
        for release in outcome.releases:
            value = encode("", [["released", *release.identifier, release.at]])
            sends += [(topics.inbox, WRITER_KEY, value, partition) for partition in range(self._partitions)]
        counts = {
            "evidence_items": len(items),
            "assignments": len(outcome.assignments),
            "decisions": len(outcome.decisions),
        }
        return Effects(sends, {**outcome.writes, POSITIONS: dumps(self.positions)}, counts=counts)

    def answer(self, name: str, job: Mapping[str, Any], rows: Sequence[bytes], now: int) -> Effects:
        """Never called: the writer asks the archive nothing."""
        raise AssertionError(f"the identity writer asked nothing, and was answered {name}")

    def pending_jobs(self) -> list[tuple[str, dict[str, Any]]]:
        """Return no questions."""
        return []

    @property
    def sweeping(self) -> bool:
        """Return False: there is nothing to look through."""
        return False

    def sweep(self, now: int) -> Effects:
        """Never called."""
        raise AssertionError("the identity writer has nothing to look through")

    def next_due(self) -> int | None:
        """Return no timer: who is who does not change by time."""
        return None
