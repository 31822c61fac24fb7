"""Kith's processing without Kafka: units, the identity writer and their logs in memory, stepped in any order, killed
anywhere.

Only the transaction is taken for granted: what a batch sends, the state it writes and the positions it reaches become
true together. Everything else is the production code.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from processors.erasure.masks import Masks
from processors.identity.policy import Policy
from processors.partition.effects import Effects, Machine, Record
from processors.partition.fold import Partition
from processors.partition.writer import Writer
from processors.segments.compile import Compiled, compile_set
from schemas.codec import dumps, loads
from schemas.identifier import Identifier
from schemas.partitioner import partition_of
from schemas.privacy import Mode, Request, messages_of
from schemas.times import to_millis
from schemas.topics import Topics

TOPICS = Topics("sim.")
PRIVACY_KEY = b"the key of the hashes"


class MemoryStore:
    """Committed state of one unit."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.pairs.get(key)

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        return [self.pairs.get(key) for key in keys]

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted(self.pairs):
            if start <= key < stop:
                yield key, self.pairs[key]

    def apply(self, effects: Effects) -> None:
        for key, value in effects.writes.items():
            if value is None:
                self.pairs.pop(key, None)
            else:
                self.pairs[key] = value
        if effects.expired is not None:
            start, stop = effects.expired
            for key in [key for key in self.pairs if start <= key < stop]:
                del self.pairs[key]


class Simulation:
    """`partitions` units and a writer; `now` is the clock that they are given, in ms."""

    def __init__(self, partitions: int = 4, compiled: Compiled | None = None, policy: Policy | None = None) -> None:
        self.partitions = partitions
        self.compiled = compiled or compile_set({})
        self.policy = policy or Policy.default()
        self.now = 1_800_000_000_000
        self.lost: set[tuple[str, str]] = set()  # seed and id of events that the archive does not have
        self.logs: dict[tuple[str, int], list[tuple[str, bytes | None]]] = defaultdict(list)
        self.names: list[int | str] = [*range(partitions), "identity"]
        self.stores: dict[int | str, MemoryStore] = {name: MemoryStore() for name in self.names}
        self.machines: dict[int | str, Machine] = {}
        for name in self.names:
            self.restart(name)

    def locate(self, key: str) -> int:
        return partition_of(key, self.partitions)

    def restart(self, name: int | str) -> None:
        """Kill a unit: everything that it had in memory is gone."""
        store = self.stores[name]
        if isinstance(name, int):
            machine = Partition(name, self.partitions, self.locate, TOPICS, store, self.masks())
            self.machines[name] = machine
            self._commit(name, machine.define(self.compiled, self.now), None)
        else:
            self.machines[name] = Writer(self.partitions, self.locate, TOPICS, store, self.policy)

    def define(self, compiled: Compiled, hearing: Sequence[int | str] | None = None) -> None:
        """Have every unit go over to another set of definitions, or only those that hear of it."""
        self.compiled = compiled
        for name, machine in self.machines.items():
            if isinstance(machine, Partition) and (hearing is None or name in hearing):
                self._commit(name, machine.define(compiled, self.now), None)

    def sweep(self, name: int | str) -> None:
        """Have a unit do the next piece of what definitions ask for."""
        if self.machines[name].sweeping:
            self._commit(name, self.machines[name].sweep(self.now), None)

    def produce(self, event: Mapping[str, Any]) -> None:
        """Put an event into its topic, as the collector does."""
        self._append(TOPICS.events[event["channel"]], event["seed"], dumps(dict(event)), None)

    def decide(self, item: list[Any]) -> None:
        """Put an operator's decision into the evidence, as the api does."""
        self._append(TOPICS.evidence, "operator", dumps({"schema_version": 1, "items": [item]}), 0)

    def masks(self) -> Masks:
        """Return the masks of all requests in the log."""
        masks = Masks(PRIVACY_KEY)
        for _, value in self.logs[TOPICS.privacy, 0]:
            masks.take(loads(value or b""))
        return masks

    def erase(self, identifier: Identifier, at: int, mode: Mode = "erase") -> str:
        """Ask for somebody to be forgotten, as the api does at the instant `at` (ms); return the request's id."""
        request_id = f"request-{len(self.logs[TOPICS.privacy, 0])}"
        request: Request = {"request_id": request_id, "mode": mode, "at": at, "identifier": [*identifier]}
        for topic, key, value in messages_of(request, "api", PRIVACY_KEY, TOPICS):
            self._append(topic, key, value, 0 if topic == TOPICS.privacy else None)
        return request_id

    def lose(self, event: Mapping[str, Any]) -> None:
        """Say that the archive has somebody else's event under this one's id, as the projector does."""
        self.lost.add((event["seed"], event["event_id"]))
        topic = TOPICS.events[event["channel"]]
        log = self.logs[topic, self.locate(event["seed"])]
        offset = next(at for at, (_, value) in enumerate(log) if value == dumps(dict(event)))
        item = ["lost", event["event_id"], topic, offset, to_millis(event["received_at"])]
        value = dumps({"schema_version": 1, "to": event["seed"], "items": [item]})
        self._append(TOPICS.inbox, event["seed"], value, None)

    def finished(self) -> list[str]:
        """Return the ids of the requests that are finished."""
        records = [loads(value or b"") for _, value in self.logs[TOPICS.privacy, 0]]
        return [record["request_id"] for record in records if record["kind"] == "finished"]

    def _append(self, topic: str, key: str, value: bytes | None, partition: int | None) -> None:
        if partition is None:
            partition = 0 if topic in (TOPICS.evidence, TOPICS.definitions, TOPICS.privacy) else self.locate(key)
        self.logs[topic, partition].append((key, value))

    def inputs(self, name: int | str) -> list[tuple[str, int]]:
        if isinstance(name, int):
            return [(topic, name) for topic in TOPICS.partition_inputs()]
        return [(TOPICS.evidence, 0)]

    def pending(self, name: int | str) -> list[Record]:
        """Return what the unit has not read yet, one topic after the other."""
        positions = self.machines[name].positions
        found = []
        for topic, partition in self.inputs(name):
            log = self.logs[topic, partition]
            start = positions.get(topic, 0)
            found += [Record(topic, start + i, key, value) for i, (key, value) in enumerate(log[start:])]
        return found

    def step(
        self,
        name: int | str,
        most: int = 1_000_000,
        crash: str | None = None,
        shuffle: Callable[[list[Any]], None] = lambda _: None,
    ) -> None:
        """Run one batch of a unit. `crash`: `before` nothing was committed, `after` all of it was; then restart."""
        records = self.pending(name)
        if shuffle is not None:
            by_topic: dict[str, list[Record]] = defaultdict(list)
            for record in records:
                by_topic[record.topic].append(record)
            topics = list(by_topic)
            shuffle(topics)
            records = [record for topic in topics for record in by_topic[topic]]
        machine = self.machines[name]
        assert machine.old_events(records[:most]) == []
        self._commit(name, machine.fold(records[:most], self.now, {}), crash)
        for job_name, job in machine.pending_jobs() if crash is None else []:
            if job["kind"] == "settled" and not self._is_settled():
                continue
            self._commit(name, machine.answer(job_name, job, self._archive(name, job), self.now), None)

    def _commit(self, name: int | str, effects: Effects, crash: str | None) -> None:
        if crash != "before":
            for topic, key, value, partition in effects.sends:
                self._append(topic, key, value, partition)
            self.stores[name].apply(effects)
        if crash is not None:
            self.restart(name)

    def _archive(self, name: int | str, job: Mapping[str, Any]) -> list[bytes]:
        if job["kind"] == "leaves":
            return self._leaves(int(name), job)
        if job["kind"] == "released":
            return self._carrying(int(name), job)
        if job["kind"] == "settled":
            return []
        if job["kind"] == "policy":
            evidence = [value or b"" for _, value in self.logs[TOPICS.evidence, 0]]
            return [b"%d" % job["until"], *evidence[job["from"] : job["until"]]]
        if job["kind"] == "carrying":
            return self._of_person(int(name), job)
        if job["kind"] == "expunge":
            return [dumps({"events": 0})]
        rows: dict[str, bytes] = {}
        for topic, position in job["positions"].items():
            for _, value in self.logs[topic, int(name)][:position]:
                assert value is not None
                event = loads(value)
                if event["seed"] == job["seed"] and (event["seed"], event["event_id"]) not in self.lost:
                    rows.setdefault(event["event_id"], value)
        return list(rows.values())

    def _is_settled(self) -> bool:
        """Tell whether everything in the log has been folded, as the shell sees it: no record and no question waits."""
        jobs = [job for name in self.names for _, job in self.machines[name].pending_jobs()]
        return not any(self.pending(name) for name in self.names) and all(not job["positions"] for job in jobs)

    def _of_person(self, number: int, job: Mapping[str, Any]) -> list[bytes]:
        seeds = {row[0].partition("/")[0] for row in job["rows"]}
        named = [row[1:3] for row in job["rows"] if row[3] is None and row[4] is None]
        found: dict[str, bytes] = {}
        for topic, position in job["positions"].items():
            for _, value in self.logs[topic, number][:position]:
                event = loads(value or b"")
                carried = [[each["type"], each["value"]] for each in event["identifiers"]]
                if event["seed"] in seeds or any(each in named for each in carried):
                    times = [to_millis(event[name]) for name in ("occurred_at", "received_at")]
                    is_new_order = event["channel"] == "order" and times[1] > job["request"]["at"]
                    raw = (value or b"").decode() if is_new_order else ""
                    found.setdefault(event["event_id"], dumps([event["seed"], event["event_id"], *times, raw]))
        return list(found.values())

    def _leaves(self, number: int, job: Mapping[str, Any]) -> list[bytes]:
        rows: dict[str, bytes] = {}
        for topic, position in job["positions"].items():
            for _, value in self.logs[topic, number][:position]:
                event = loads(value or b"")
                if event["event"] in job["names"] and event["seed"] > job["after"]:
                    rows.setdefault(event["event_id"], value or b"")
        found = sorted(rows.values(), key=lambda row: str(loads(row)["seed"]))
        # Two events, and the rest of the second one's seed: a small piece, so that there are several.
        last = loads(found[:2][-1])["seed"] if found else ""
        return [row for row in found if loads(row)["seed"] <= last]

    def _carrying(self, number: int, job: Mapping[str, Any]) -> list[bytes]:
        found = []
        for topic, position in job["positions"].items():
            for _, value in self.logs[topic, number][:position]:
                event = loads(value or b"")
                carried = [[each["type"], each["value"]] for each in event["identifiers"]]
                if job["identifier"] in carried and to_millis(event["occurred_at"]) >= job["at"]:
                    found.append(value or b"")
        return found

    def settle(self) -> None:
        """Run until nothing moves any more."""
        for _ in range(200):
            busy = [name for name in self.names if self.pending(name)]
            jobs = [name for name in self.names if self.machines[name].pending_jobs()]
            sweeping = [name for name in self.names if self.machines[name].sweeping]
            if not busy and not jobs and not sweeping:
                return
            for name in dict.fromkeys([*busy, *jobs]):
                self.step(name)
            for name in sweeping:
                self._commit(name, self.machines[name].sweep(self.now), None)
        raise AssertionError("the units never come to rest")

    def tick(self) -> None:
        """Let every unit look at its timers."""
        for name in self.names:
            self.step(name)

    def newest(self, topic: str) -> dict[str, Any]:
        """Return the newest value of each key of a topic, tombstones left out."""
        found: dict[str, Any] = {}
        for partition in range(self.partitions):
            for key, value in self.logs[topic, partition]:
                found[key] = None if value is None else loads(value)
        return {key: value for key, value in found.items() if value is not None}

    def profiles(self) -> dict[str, Any]:
        """Return the profiles as published, by id."""
        return self.newest(TOPICS.profiles)

    def changes(self) -> list[dict[str, Any]]:
        """Return all segment changes, in the order of each partition's log."""
        return [
            loads(value or b"")
            for partition in range(self.partitions)
            for _, value in self.logs[TOPICS.changes, partition]
        ]


def run(
    events: Sequence[Mapping[str, Any]], partitions: int = 4, compiled: Compiled | None = None, batch: int = 1_000_000
) -> Simulation:
    """Return a simulation that has taken in all the events, `batch` at a time."""
    simulation = Simulation(partitions, compiled)
    for start in range(0, len(events), batch):
        for event in events[start : start + batch]:
            simulation.produce(event)
        simulation.settle()
    return simulation
