"""The worker's units without Kafka: their folds on their real stores, one thread, records handed from one to the other.

What is timed is the fold and the write to the store; that a batch is sent and committed costs what Kafka's client
costs, and is not here.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.local.bench.filling import Filled
from processors.identity.policy import Policy
from processors.partition.effects import Effects, Machine, Record
from processors.partition.fold import Partition
from processors.partition.writer import Writer
from processors.segments.compile import Compiled, compile_set
from processors.segments.definition import parse
from processors.store import Store
from schemas.partitioner import partition_of
from schemas.topics import Topics

_WRITER = "identity"
_BATCH = 1000


class Unit:
    """One unit: its fold, its store, the records that wait for it, and the CPU seconds it has used."""

    def __init__(self, machine: Machine, store: Store) -> None:
        self.machine = machine
        self.store = store
        self.waiting: deque[Record] = deque()
        self.seconds = {"read": 0.0, "fold": 0.0, "store": 0.0}


class Units:
    """The units of a worker that has all partitions."""

    def __init__(self, folder: Path, partitions: int, definitions: Iterable[Mapping[str, Any]]) -> None:
        self._partitions = partitions
        self._topics = Topics()
        self._offsets: dict[tuple[str, str], int] = {}
        self.counts: dict[str, int] = {}
        self.units: dict[str, Unit] = {}
        self.now = time.time_ns() // 1_000_000
        names = [*map(str, range(partitions)), _WRITER]
        stores = {name: Store(folder / name) for name in names}
        for number, name in enumerate(names[:-1]):
            partition = Partition(number, partitions, self._locate, self._topics, stores[name])
            self.units[name] = Unit(partition, stores[name])
        writer = Writer(partitions, self._locate, self._topics, stores[_WRITER], Policy.default())
        self.units[_WRITER] = Unit(writer, stores[_WRITER])
        self._define(compiled_of(definitions))

    def _locate(self, key: str) -> int:
        return partition_of(key, self._partitions)

    def put(self, filled: Iterable[Filled]) -> None:
        """Let events wait for their units."""
        for channel, seed, value in filled:
            self._route(self._topics.events[channel], seed, value, self._locate(seed))

    def run(self, batch: int) -> None:
        """Fold in batches of at most `batch` records until nothing waits anywhere."""
        while any(unit.waiting for unit in self.units.values()):
            for unit in self.units.values():
                if unit.waiting:
                    self._step(unit, batch)

    @property
    def seconds(self) -> dict[str, float]:
        """Return the CPU seconds of all units, by what they were for."""
        return {part: sum(unit.seconds[part] for unit in self.units.values()) for part in ("read", "fold", "store")}

    def close(self) -> None:
        """Close the stores."""
        for unit in self.units.values():
            unit.store.close()

    def _step(self, unit: Unit, batch: int) -> None:
        records = [unit.waiting.popleft() for _ in range(min(batch, len(unit.waiting)))]
        started = time.thread_time()
        unit.machine.old_events(records)
        read = time.thread_time()
        effects = unit.machine.fold(records, self.now, {})
        folded = time.thread_time()
        unit.store.write(effects.writes)
        unit.seconds["store"] += time.thread_time() - folded
        unit.seconds["read"] += read - started
        unit.seconds["fold"] += folded - read
        self._deliver(effects)

    def _define(self, compiled: Compiled) -> None:
        """Go over to these definitions, before there is anybody whom they concern; not timed."""
        for unit in self.units.values():
            if isinstance(unit.machine, Partition):
                self._apply(unit, unit.machine.define(compiled, self.now))
        self.run(_BATCH)
        for unit in self.units.values():
            while unit.machine.sweeping:
                self._apply(unit, unit.machine.sweep(self.now))
            unit.seconds = dict.fromkeys(unit.seconds, 0.0)

    def _apply(self, unit: Unit, effects: Effects) -> None:
        unit.store.write(effects.writes)
        self._deliver(effects)

    def _deliver(self, effects: Effects) -> None:
        for topic, key, value, partition in effects.sends:
            self._route(topic, key, value, self._locate(key) if partition is None else partition)
        for name, count in effects.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def _route(self, topic: str, key: str, value: bytes | None, partition: int) -> None:
        if topic == self._topics.evidence:
            name = _WRITER
        elif topic in self._topics.partition_inputs():
            name = str(partition)
        else:
            return
        offset = self._offsets[topic, name] = self._offsets.get((topic, name), -1) + 1
        self.units[name].waiting.append(Record(topic, offset, key, value))


def compiled_of(definitions: Iterable[Mapping[str, Any]]) -> Compiled:
    """Return the definitions as the units take them, each at version 1; what one refers to stands before it."""
    parsed: dict[str, Any] = {}
    for document in definitions:
        parsed[document["id"]] = parse(document, parsed)
    return compile_set({name: (1, definition) for name, definition in parsed.items()})
