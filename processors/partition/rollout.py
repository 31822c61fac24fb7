"""Bringing a changed set of definitions to everybody: history first, then one look at every profile.

A new event clause needs what happened before it was known. Each unit folds that for its own seeds' fragments, from the
archive, up to where it stood when it began to observe the clause; what came later it has observed itself. One such job
is under way at a time; clauses that come meanwhile wait, unobserved. When it is done the unit tells all units
(`backfilled`), behind the fragments that it changed. A segment is evaluated once every unit has said so of all
its clauses, and then for every profile, a piece at a time, while events go on.

What fragments keep for a clause that nobody needs any more is *stale*: it misses what comes from then on. It is removed
from all fragments, a piece at a time, and the other units are told (`dropped`). A clause that comes back meanwhile is
not observed before that is done, and begins anew.

State under `KEY`: `{"stale": [leaf, …], "cleaned": part, "home": [leaf, …], "from": {leaf: [unit, …]}, "swept":
{segment: version}, "sweep": {segment: version}, "after": profile id}`. Observed are the leaves of `home` and of the
job.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from processors.partition.context import Context
from processors.partition.keys import HOMES, PROFILES, home_of, job_key, profile_of
from processors.partition.messages import Item, encode
from processors.segments.clauses import references_of
from processors.segments.compile import Compiled, Node, compile_set
from schemas.codec import SCHEMA_VERSION, dumps, loads

KEY = b"m:rollout"
JOB = "leaves"
# Profiles looked at in one unit of work: some fifty milliseconds if everybody enters.
PROFILES_A_STEP = 1_000
# Fragments looked at in one unit of work while stale histories are removed; most of them hold none.
FRAGMENTS_A_STEP = 1_000
# Stands for the version of a segment that is no more: everybody leaves it.
DELETED = 0


class Rollout:
    """One unit's way from one set of definitions to the next.

    `review(profiles, segments)` looks at profiles (ids and stored states); `fold_leaves(event, tokens)` observes an
    archived event; `drop_leaves(part, leaves)` forgets leaves of a fragment.
    """

    def __init__(
        self,
        context: Context,
        partitions: int,
        review: Callable[[Sequence[tuple[str, bytes]], dict[str, None]], None],
        fold_leaves: Callable[[dict[str, Any], frozenset[str]], None],
        drop_leaves: Callable[[str, Sequence[str]], None],
    ) -> None:
        self._context = context
        self._working = context.working
        self._partitions = partitions
        self._review = review
        self._fold_leaves = fold_leaves
        self._drop_leaves = drop_leaves
        self._defined = context.observing
        self._use(self._state())

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] | None = self._working.load(KEY)
        if state is None:
            state = {"home": [], "from": {}, "swept": {}, "sweep": {}, "after": ""}
        return {"stale": [], "cleaned": "", **state}

    @property
    def sweeping(self) -> bool:
        """Tell whether there are fragments or profiles still to be looked at."""
        state = self._state()
        return bool(state["stale"] or state["sweep"])

    def define(self, compiled: Compiled, positions: Mapping[str, int]) -> bool:
        """Take in a new set; return whether the archive must be asked. `positions`: where this unit stands."""
        self._defined = compiled
        state = self._state()
        self._retire(state, [leaf for leaf in self._observed(state) if leaf not in compiled.leaves])
        return self._go_on(state, positions)

    def _go_on(self, state: dict[str, Any], positions: Mapping[str, int]) -> bool:
        """Observe, backfill, evaluate and look at what can be; return whether the archive must be asked."""
        asked = self._backfill(state, positions)
        self._observe(state)
        self._use(state)
        self._start_sweep(state)
        return asked

    def _observed(self, state: dict[str, Any]) -> list[str]:
        job = self._job()
        return [*state["home"], *(job["leaves"] if job else ())]

    def _observe(self, state: dict[str, Any]) -> None:
        """Observe the leaves that have their history or are getting it, and no others."""
        others = frozenset(self._defined.leaves).difference(self._observed(state))
        self._context.observing = without(self._defined, others) if others else self._defined
        self._working.save(KEY, state)

    def _retire(self, state: dict[str, Any], leaves: list[str]) -> None:
        """Stop observing leaves: what is kept for them is to be removed, by a pass that begins anew."""
        if not leaves:
            return
        state["stale"], state["cleaned"] = sorted({*state["stale"], *leaves}), ""
        known = [leaf for leaf in leaves if leaf in state["home"]]
        state["home"] = [leaf for leaf in state["home"] if leaf not in leaves]
        job = self._job()
        if job is not None:
            # Its answers may be on their way; they say nothing about these leaves any more.
            remaining = [leaf for leaf in job["leaves"] if leaf not in leaves]
            self._working.put_raw(job_key(JOB), dumps({**job, "leaves": remaining}))
        if known:
            self._forget(state, known, self._context.number)
            self._tell(["dropped", known, self._context.number])

    def _job(self) -> dict[str, Any] | None:
        raw = self._working.get_raw(job_key(JOB))
        return None if raw is None else loads(raw)

    def _clean(self, state: dict[str, Any], positions: Mapping[str, int]) -> bool:
        """Remove stale histories from the next fragments; return whether the archive must be asked."""
        needles = [dumps(leaf) for leaf in state["stale"]]
        scanned = self._working.reader.scan(HOMES + state["cleaned"].encode() + b"\x00", HOMES + b"\xff")
        for number, (key, value) in enumerate(scanned, 1):
            state["cleaned"] = home_of(key)
            if any(needle in value for needle in needles):
                self._drop_leaves(home_of(key), state["stale"])
            if number == FRAGMENTS_A_STEP:
                self._working.save(KEY, state)
                return False
        state["stale"], state["cleaned"] = [], ""
        return self._go_on(state, positions)

    def _backfill(self, state: dict[str, Any], positions: Mapping[str, int]) -> bool:
        compiled = self._defined
        done = {*state["home"], *state["stale"]}
        missing = [leaf for leaf in sorted(compiled.leaves) if leaf not in done]
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
        asked, job = job, self._job() or {}
        if any(asked[name] != job.get(name) for name in ("after", "positions")):
            # An answer to another question than the one that is open.
            return bool(job)
        # Leaves that were retired since the question are in the job no longer.
        tokens = frozenset(f"event:{leaf}" for leaf in job["leaves"])
        for event in events:
            self._fold_leaves(event, tokens)
        if events:
            self._working.put_raw(job_key(JOB), dumps({**job, "after": events[-1]["seed"]}))
            return True
        self._working.put_raw(job_key(JOB), None)
        state = self._state()
        self._finish(state, job["leaves"])
        return self._go_on(state, positions)

    def _finish(self, state: dict[str, Any], leaves: list[str]) -> None:
        state["home"] = sorted({*state["home"], *leaves})
        self._working.save(KEY, state)
        self._tell(["backfilled", leaves, self._context.number])

    def _tell(self, item: Item) -> None:
        """Tell all units, after everything else of this batch, so that it arrives behind the fragments."""
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

    def dropped(self, leaves: Sequence[str], unit: int) -> None:
        """Take in that a unit's fragments hold the history of these leaves no longer."""
        state = self._state()
        self._forget(state, leaves, unit)
        self._working.save(KEY, state)
        self._use(state)
        self._start_sweep(state)

    def _forget(self, state: dict[str, Any], leaves: Sequence[str], unit: int) -> None:
        for leaf in leaves:
            units = [each for each in state["from"].pop(leaf, ()) if each != unit]
            if units:
                state["from"][leaf] = units

    def _use(self, state: dict[str, Any]) -> None:
        """Evaluate those segments whose clauses all have their history, with all that they refer to."""
        every, home, known = self._context.observing, frozenset(state["home"]), state["from"]
        ready: dict[str, Any] = {}
        for segment in every.order:
            each = every.segments[segment]
            complete = all(
                leaf in home and len(known.get(leaf, ())) == self._partitions for leaf in leaves_of(each.root)
            )
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
        for segment in [each for each in swept if each in self._context.observing.segments and each not in evaluated]:
            # Not evaluated for a while: everybody is looked at again when it is.
            del swept[segment]
            self._working.save(KEY, state)
        sweep = {segment: each.version for segment, each in evaluated.items() if swept.get(segment) != each.version}
        sweep |= {segment: DELETED for segment in swept if segment not in self._context.observing.segments}
        if sweep != state["sweep"]:
            state["sweep"], state["after"] = sweep, ""
            self._working.save(KEY, state)

    def sweep(self, positions: Mapping[str, int]) -> bool:
        """Look at the next profiles, or else fragments; return whether the archive must be asked."""
        state = self._state()
        if not state["sweep"]:
            return self._clean(state, positions)
        scanned = self._working.reader.scan(PROFILES + state["after"].encode() + b"\x00", PROFILES + b"\xff")
        found = [(profile_of(key), value) for key, value in islice(scanned, PROFILES_A_STEP)]
        self._review(found, dict.fromkeys(state["sweep"]))
        if len(found) == PROFILES_A_STEP:
            state["after"] = found[-1][0]
        else:
            self._swept(state)
        self._working.save(KEY, state)
        return False

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


def without(compiled: Compiled, leaves: frozenset[str]) -> Compiled:
    """Return the same set of definitions, of which these leaves are not observed."""
    tokens = {f"event:{leaf}" for leaf in leaves}
    return replace(
        compiled,
        leaves={id_: leaf for id_, leaf in compiled.leaves.items() if id_ not in leaves},
        observers={
            name: tuple(each for each in found if each[0] not in tokens) for name, found in compiled.observers.items()
        },
    )
