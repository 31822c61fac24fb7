"""The identity writer's unit: evidence in; assignments, decisions and questions to the seeds out.

The one partition of `identity.evidence` is its input, so there is one writer at a time, whoever runs it; another
process that shares the work takes it over when this one is gone. Under which policy it folds is part of its state: the
policy file begins a log, after that an operator's decision in the log changes it (`policy_change`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from processors.identity.evidence import POLICY as POLICY_ITEM
from processors.identity.outcome import Outcome
from processors.identity.policy import Policy
from processors.partition.effects import Effects, Reader, Record, Send
from processors.partition.keys import POLICY, POSITIONS, part_of
from processors.partition.messages import encode
from processors.partition.policy_change import PolicyChange
from processors.partition.policy_state import PolicyState
from schemas.codec import dumps, loads
from schemas.identifier import seed_of
from schemas.topics import Topics

# Key of what the writer says to every unit.
WRITER_KEY = "identity"
# Decoded identifiers kept between batches: those that are seen again soon. The rest waits in the store.
KEPT = 8_000


class Writer:
    """The fold of the identity writer's unit; a `Machine`. `policy` is that of the file."""

    def __init__(
        self, partitions: int, locate: Callable[[str], int], topics: Topics, reader: Reader, policy: Policy
    ) -> None:
        self._partitions = partitions
        self._locate = locate
        self._topics = topics
        self._reader = reader
        record = reader.get(POLICY)
        self._is_stored = record is not None
        self._state = PolicyState.load(record, policy)
        self._change = PolicyChange(reader, self._state, KEPT)
        raw = reader.get(POSITIONS)
        self.positions: dict[str, int] = loads(raw) if raw else {}

    @property
    def policy(self) -> Policy:
        """Return the policy in force, or the one that is about to be."""
        return (self._state.wanted or self._state.applied).policy()

    def announce(self) -> Effects:
        """Publish the policy in force: who asks for it finds it as soon as there is a writer."""
        self._is_stored = True
        return Effects([self._announced()], {POLICY: self._state.encode()})

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
        decided = [item for item in items if item[0] == POLICY_ITEM]
        if decided:
            items = [item for item in items if item[0] != POLICY_ITEM]
        outcome = self._change.live.fold(items, self._version)
        writes = self._change.generation(self._state.generation).own(outcome.writes)
        sends = self._sends(outcome)
        for item in items:
            if item[0] == "erase":
                value = encode(item[2], [["done", item[1], WRITER_KEY, outcome.version]])
                sends.append((self._topics.inbox, item[2], value, None))
        counts = {
            "evidence_items": len(items),
            "assignments": len(outcome.assignments),
            "decisions": len(outcome.decisions),
        }
        is_newer = sum(self._state.decide(item) for item in decided) > 0
        if is_newer:
            if self._state.phase == "live":
                self._state.begin()
            # Whatever step is under way was for something else.
            self._state.steps += 1
            sends.append(self._announced())
        if is_newer or not self._is_stored:
            writes[POLICY] = self._state.encode()
            self._is_stored = True
        writes[POSITIONS] = dumps(self.positions)
        return Effects(sends, writes, jobs=is_newer, counts=counts)

    def answer(self, name: str, job: Mapping[str, Any], rows: Sequence[bytes], now: int) -> Effects:
        """Take the next step of a change of policy; an answer to a step that is not the next one changes nothing."""
        if job["step"] != self._state.steps:
            return Effects([], {})
        self._state.steps += 1
        outcome = self._change.step(rows, self._version, self._end)
        counts = {"assignments": len(outcome.assignments), "decisions": len(outcome.decisions)}
        sends = [*self._sends(outcome), self._announced()]
        return Effects(sends, {**outcome.writes, POLICY: self._state.encode()}, jobs=True, counts=counts)

    def pending_jobs(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the question behind the next step of a change of policy, if there is one."""
        return self._change.job(self._topics.evidence, self._end)

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

    @property
    def _end(self) -> int:
        return self.positions.get(self._topics.evidence, 0)

    @property
    def _version(self) -> int:
        """The position in the log, and every step of a change of policy: it grows with whatever is published."""
        return self._end + self._state.steps

    def _announced(self) -> Send:
        return (self._topics.policy, "policy", dumps(self._state.record(self._change.progress(self._end))), 0)

    def _sends(self, outcome: Outcome) -> list[Send]:
        topics = self._topics
        sends: list[Send] = []
        for assignment in outcome.assignments:
            seed = assignment["seed"]
            key = part_of(seed, assignment["from"])
            sends.append((topics.assignments, key, dumps(assignment), self._locate(seed)))
            if assignment["profile_id"] is None and not assignment["value"]:
                # Behind the record that units read, so that compaction leaves neither.
                sends.append((topics.assignments, key, None, self._locate(seed)))
        for decision in outcome.decisions:
            sends.append((topics.decisions, decision["profile_id"], dumps(decision), None))
        for watch in outcome.watches:
            seed = seed_of(watch.identifier)
            weak = None if watch.weak is None else list(watch.weak)
            sends.append((topics.inbox, seed, encode(seed, [["watch", list(watch.identifier), weak]]), None))
        for release in outcome.releases:
            value = encode("", [["released", *release.identifier, release.at]])
            sends += [(topics.inbox, WRITER_KEY, value, partition) for partition in range(self._partitions)]
        return sends
