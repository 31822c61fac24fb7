"""Going over to another identity policy, step by step, while the writer goes on folding what comes.

The steps ride on the questions that a unit asks its archive: the writer's archive is the evidence log, and a step that
needs nothing of it asks for nothing. So steps and batches of new evidence take turns, what is left to do survives a
kill, and the writer's input shows as not yet done until the change is.
"""

from collections.abc import Sequence
from typing import Any, Final

from processors.identity.compare import PASSES, compare
from processors.identity.evidence import POLICY, Watch
from processors.identity.fold import IdentityFold
from processors.identity.generation import KINDS, Generation, Reading
from processors.identity.outcome import Outcome
from processors.identity.policy_file import policy_of
from processors.partition.effects import Reader
from processors.partition.policy_state import PolicyState
from schemas.codec import loads
from schemas.identifier import is_weak

# How much one step does: some tenths of a second at most, because new evidence waits meanwhile.
COMPARED_A_STEP: Final = 500
CLEARED_A_STEP: Final = 5_000
JOB: Final = "policy"


class PolicyChange:
    """The steps. `kept` is how many identifiers a fold keeps decoded; every step leaves its writes to the caller."""

    def __init__(self, reader: Reader, state: PolicyState, kept: int) -> None:
        self.state = state
        self._reader = reader
        self._kept = kept
        self.live = self.fold_of(state.generation)
        self._next: IdentityFold | None = None

    def generation(self, number: int) -> Generation:
        """Return a generation of the store."""
        return Generation(number, self._reader.get, self._reader.scan)

    def fold_of(self, number: int) -> IdentityFold:
        """Return the fold of a generation under its policy."""
        decided = self.state.wanted if number != self.state.generation else self.state.applied
        assert decided is not None, "only what is in force or wanted is folded"
        return IdentityFold(decided.policy(), self.generation(number).get, self._kept)

    def job(self, topic: str, end: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the question behind the next step; none while there is nothing to do. `end`: of what was folded."""
        state = self.state
        if state.phase == "live":
            return []
        start = state.position if state.phase == "refolding" else end
        job = {"kind": JOB, "step": state.steps, "from": start, "until": end, "positions": {topic: end}}
        return [(f"{JOB}:{state.steps}", job)]

    def step(self, rows: Sequence[bytes], version: int, end: int) -> Outcome:
        """Take the next step and return what is to be written and published; `writes` are those of the store.

        `rows` are what the evidence log answered: how far it was read, and its records.
        """
        state = self.state
        outcome = Outcome(version)
        match state.phase:
            case "refolding":
                self._refold(int(rows[0]), rows[1:], outcome)
                if state.position >= end:
                    state.switch()
                    assert self._next is not None, "it has just been used"
                    self.live, self._next = self._next, None
            case "publishing":
                self._publish(outcome)
            case "clearing":
                self._next = None
                self._clear(outcome)
        return outcome

    def progress(self, end: int) -> float:
        """Return how much of the present phase is done, 0 to 1."""
        state = self.state
        match state.phase:
            case "refolding":
                return state.position / end if end else 1.0
            case "publishing":
                return state.kind / PASSES
            case "clearing":
                return state.kind / len(KINDS)
        return 1.0

    def _refold(self, position: int, rows: Sequence[bytes], outcome: Outcome) -> None:
        state = self.state
        if self._next is None:
            self._next = self.fold_of(state.other)
        items = [item for row in rows for item in loads(row)["items"] if item[0] != POLICY]
        folded = self._next.fold(items, outcome.version)
        present = Reading(self.generation(state.generation), state.applied.policy())
        outcome.writes.update(self.generation(state.other).own(folded.writes))
        outcome.watches += [watch for watch in folded.watches if not _was_asked(present, watch)]
        state.position = position

    def _publish(self, outcome: Outcome) -> None:
        """Compare the next pieces of the older and the newer generation."""
        state = self.state
        older, newer = self.generation(state.other), self.generation(state.generation)
        policies = (policy_of(state.before), state.applied.policy())
        found, place = compare(older, newer, policies, (state.kind, state.key.encode()), COMPARED_A_STEP)
        outcome.owned += found.owned
        outcome.changes += found.changes
        if place is None:
            state.clear(state.other)
        else:
            state.kind, state.key = place[0], place[1].decode()

    def _clear(self, outcome: Outcome) -> None:
        state = self.state
        keys = self.generation(state.other).keys(KINDS[state.kind], state.key.encode(), CLEARED_A_STEP)
        outcome.writes.update(self.generation(state.other).own(dict.fromkeys(keys)))
        if len(keys) == CLEARED_A_STEP:
            state.key = keys[-1].decode()
        elif state.kind < len(KINDS) - 1:
            state.kind, state.key = state.kind + 1, ""
        else:
            state.begin()


def _was_asked(present: Reading, watch: Watch) -> bool:
    """Tell whether the workers have been asked this already: their answers are in the log, or on their way."""
    if watch.weak is not None:
        device = present.device(watch.weak)
        user = None if device is None else device.users.get(watch.identifier)
        return user is not None and user.watched
    held = present.device(watch.identifier) if is_weak(watch.identifier.type) else present.member(watch.identifier)
    return held is not None and held.asked
