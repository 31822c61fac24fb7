"""Bringing a changed set of definitions to everybody: history first, then one look at every profile.

A new event clause needs what happened before it was known. Each unit folds that for its own seeds' fragments, from the
archive, up to where it stood when it heard of the clause; what came later it has observed itself. It then tells all
units (`backfilled`), behind the fragments that it changed. A segment is evaluated once every unit has said so of all
its clauses, and then for every profile, a piece at a time, while events go on.

State under `KEY`: `{"home": [leaf, …], "from": {leaf: [unit, …]}, "swept": {segment: version}, "sweep": {segment:
version}, "after": profile id}`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from processors.partition.context import Context
from processors.partition.keys import PROFILES, job_key, profile_of
from processors.partition.messages import encode
from processors.partition.touch import Touch
from processors.segments.clauses import references_of
from processors.segments.compile import Compiled, Node, compile_set
from schemas.codec import SCHEMA_VERSION, dumps

KEY = b"m:rollout"
JOB = "leaves"
# Profiles looked at in one unit of work: some ten milliseconds.
PROFILES_A_STEP = 300
# Stands for the version of a segment that is no more: everybody leaves it.
DELETED = 0


class Rollout:
    """One unit's way from one set of definitions to the next. `fold_leaves(event, tokens)` observes an archived
    event.
    """

    def __init__(
        self,
        context: Context,
        partitions: int,
        touch: Callable[[str, Touch], None],
        fold_leaves: Callable[[dict[str, Any], frozenset[str]], None],
    ) -> None:
        self._context = context
        self._working = context.working
        self._partitions = partitions
        self._touch = touch
        self._fold_leaves = fold_leaves
        self._use(self._state())

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] | None = self._working.load(KEY)
        if state is None:
            state = {"home": [], "from": {}, "swept": {}, "sweep": {}, "after": ""}
        return state

    @property
    def sweeping(self) -> bool:
        """Tell whether there are profiles still to be looked at."""
        return bool(self._state()["sweep"])

    def define(self, compiled: Compiled, positions: Mapping[str, int]) -> bool:
        """Take in a new set; return whether the archive must be asked. `positions`: where this unit stands."""
        self._context.observing = compiled
        state = self._state()
        state["home"] = [leaf for leaf in state["home"] if leaf in compiled.leaves]
        state["from"] = {leaf: units for leaf, units in state["from"].items() if leaf in compiled.leaves}
        self._working.save(KEY, state)
        asked = self._backfill(state, positions)
        self._use(state)
        self._start_sweep(state)
        return asked

    def _backfill(self, state: dict[str, Any], positions: Mapping[str, int]) -> bool:
        compiled = self._context.observing
        missing = [leaf for leaf in sorted(compiled.leaves) if leaf not in state["home"]]
        if not missing or self._working.has(job_key(JOB)):
            return False
        if not any(positions.values()):
            self._finish(state, missing)
            return False
        tokens = {f"event:{leaf}" for leaf in missing}
        names = sorted(
            name for name, observers in compiled.observers.items() if any(token in tokens for token, _ in observers)
        )
        job = {"kind": JOB, "leaves": missing, "names": names, "after": "", "positions": dict(positions)}
        self._working.put_raw(job_key(JOB), dumps(job))
        return True

    def answer(self, job: Mapping[str, Any], events: Sequence[dict[str, Any]], positions: Mapping[str, int]) -> bool:
        """Fold a piece of the archive, whole seeds in their order; return whether to ask for the next one."""
        tokens = frozenset(f"event:{leaf}" for leaf in job["leaves"])
        for event in events:
            self._fold_leaves(event, tokens)
        if events:
            self._working.put_raw(job_key(JOB), dumps({**job, "after": events[-1]["seed"]}))
            return True
        self._working.put_raw(job_key(JOB), None)
        state = self._state()
        self._finish(state, [leaf for leaf in job["leaves"] if leaf in self._context.observing.leaves])
        return self._backfill(state, positions)

    def _finish(self, state: dict[str, Any], leaves: list[str]) -> None:
        state["home"] = sorted({*state["home"], *leaves})
        self._working.save(KEY, state)
        # Sent after everything else of this batch, so that it arrives behind the fragments.
        item = ["backfilled", leaves, self._context.number]
        for partition in range(self._partitions):
            value = encode("", [item])
            self._context.last.append((self._context.topics.inbox, str(self._context.number), value, partition))

    def backfilled(self, leaves: Sequence[str], unit: int) -> None:
        """Take in that a unit's fragments hold the history of these leaves."""
        state = self._state()
        for leaf in leaves:
            units = state["from"].setdefault(leaf, [])
            if unit not in units:
                units.append(unit)
                units.sort()
        self._working.save(KEY, state)
        self._use(state)
        self._start_sweep(state)

    def _use(self, state: dict[str, Any]) -> None:
        """Evaluate those segments whose clauses all have their history, with all that they refer to."""
        every = self._context.observing
        ready: dict[str, Any] = {}
        for segment in every.order:
            each = every.segments[segment]
            complete = all(len(state["from"].get(leaf, ())) == self._partitions for leaf in leaves_of(each.root))
            if complete and all(other in ready for other in references_of(each.definition.where)):
                ready[segment] = (each.version, each.definition)
        if ready.keys() == every.segments.keys():
            self._context.compiled = every
        else:
            self._context.compiled = compile_set(ready)

    def _start_sweep(self, state: dict[str, Any]) -> None:
        """Look at everybody again if what is evaluated differs from what everybody was last looked at with."""
        swept: dict[str, int] = state["swept"]
        evaluated = self._context.compiled.segments
        sweep = {segment: each.version for segment, each in evaluated.items() if swept.get(segment) != each.version}
        sweep |= {segment: DELETED for segment in swept if segment not in self._context.observing.segments}
        if sweep != state["sweep"]:
            state["sweep"], state["after"] = sweep, ""
            self._working.save(KEY, state)

    def sweep(self) -> None:
        """Look at the next profiles."""
        state = self._state()
        found = []
        for key, _ in self._working.reader.scan(PROFILES + state["after"].encode() + b"\x00", PROFILES + b"\xff"):
            found.append(profile_of(key))
            if len(found) == PROFILES_A_STEP:
                break
        segments = dict.fromkeys(state["sweep"])
        for profile_id in found:
            self._touch(profile_id, Touch("definition", tokens={}, segments=segments))
        if len(found) == PROFILES_A_STEP:
            state["after"] = found[-1]
        else:
            self._swept(state)
        self._working.save(KEY, state)

    def _swept(self, state: dict[str, Any]) -> None:
        for segment, version in state["sweep"].items():
            if version:
                state["swept"][segment] = version
            else:
                state["swept"].pop(segment, None)
            self._report(segment, version)
        state["sweep"], state["after"] = {}, ""

    def _report(self, segment: str, version: int) -> None:
        report = {
            "schema_version": SCHEMA_VERSION,
            "segment_id": segment,
            "version": version,
            "partition": self._context.number,
            "partitions": self._partitions,
        }
        key = f"{segment}/{self._context.number}"
        self._context.send(self._context.topics.progress, key, dumps(report))


def leaves_of(node: Node) -> list[str]:
    """Return the ids of the event clauses beneath a compiled clause."""
    return [*node.leaves, *(leaf for part in node.parts for leaf in leaves_of(part))]
