"""Which units this process runs: opened when Faust assigns their partitions, stopped when it takes them away."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from threading import Event
from typing import Any

import structlog
from faust.types import TP

from processors.archive import ClickHouseArchive
from processors.definitions import Definitions
from processors.erasure.masks import Masks
from processors.evidence_log import EvidenceLog
from processors.masks import read_masks
from processors.partition.effects import Machine, Record
from processors.partition.fold import Partition
from processors.partition.writer import Writer
from processors.policy import load_policy
from processors.producer import Changelog, UnitProducer
from processors.restore import restore
from processors.segments.compile import Compiled
from processors.store import Store
from processors.transport import Consumer, partitions_of
from processors.unit import Unit, now_ms
from schemas.metrics import counter, gauge
from schemas.partitioner import partition_of
from schemas.settings import Settings

log = structlog.get_logger()

WRITER = "identity"
# A unit with this many records waiting is not read for any more until it has folded some of them.
MOST_WAITING = 4000
_REOPEN_S = 0.2
_LONGEST_REOPEN_S = 5.0


class Abandoned(Exception):
    """The unit was taken away before it was open."""


class Owner:
    """Opens, feeds and stops the units of this process."""

    def __init__(self, settings: Settings, consumer: Callable[[], Consumer]) -> None:
        self._settings = settings
        self._consumer = consumer
        self._topics = settings.topics
        self._archive = ClickHouseArchive(settings)
        self._evidence = EvidenceLog(settings)
        self._policy = load_policy(settings.identity_policy)
        self.definitions = Definitions(settings, self._redefine)
        self._units: dict[str, Unit] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._inputs: dict[str, list[TP]] = {}
        self._unit_of: dict[TP, Unit] = {}
        self._turn = asyncio.Event()

    @property
    def ready(self) -> tuple[bool, str]:
        """Tell whether every assigned unit is open."""
        if not self._keepers:
            return False, "waiting for partitions to be assigned"
        opening = sorted(set(self._keepers) - set(self._units))
        return not opening, f"opening {', '.join(opening)}" if opening else f"{len(self._units)} units at work"

    def _inputs_of(self, tps: Iterable[TP]) -> dict[str, list[TP]]:
        assigned = set(tps)
        units: dict[str, list[TP]] = {}
        for number in sorted(partitions_of(assigned, self._topics.inbox)):
            inputs = [TP(topic, number) for topic in self._topics.partition_inputs()]
            if not assigned.issuperset(inputs):
                log.error("a partition was assigned without its sisters; it waits", partition=number)
                continue
            units[str(number)] = inputs
        if partitions_of(assigned, self._topics.evidence):
            units[WRITER] = [TP(self._topics.evidence, 0)]
        return units

    async def assigned(self, tps: Iterable[TP]) -> None:
        """Open the units of newly assigned partitions, in the background."""
        for name, inputs in self._inputs_of(tps).items():
            if name in self._keepers:
                continue
            self._inputs[name] = inputs
            self._keepers[name] = asyncio.create_task(self._keep(name, inputs), name=f"unit-{name}")
        log.info("partitions assigned", units=sorted(self._keepers))

    async def revoked(self, tps: Iterable[TP]) -> None:
        """Stop the units of revoked partitions, after the batch under way."""
        names = [name for name, inputs in self._inputs.items() if set(inputs) & set(tps)]
        await asyncio.gather(*(self._release(name) for name in names))
        gauge("kith_worker_units").set(len(self._units))

    async def stop(self) -> None:
        """Stop all units."""
        await asyncio.gather(*(self._release(name) for name in list(self._keepers)))

    async def _release(self, name: str) -> None:
        keeper = self._keepers.pop(name)
        for tp in self._inputs.pop(name):
            self._unit_of.pop(tp, None)
        unit = self._units.pop(name, None)
        if unit is not None:
            await unit.stop()
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self, name: str, inputs: list[TP]) -> None:
        """Open the unit and run it; after an error drop it and open it anew, a little later each time."""
        wait = _REOPEN_S
        await self.definitions.caught_up.wait()
        while True:
            try:
                unit = await self._open(name, inputs)
                self._units[name] = unit
                self._define(unit, self.definitions.compiled)
                self._announce(unit)
                gauge("kith_worker_units").set(len(self._units))
                unit.running = asyncio.ensure_future(unit.run())
                wait = _REOPEN_S
                await unit.running
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.error("a unit failed; it is dropped and opened anew", unit=name, exc_info=error, in_s=wait)
                counter("kith_worker_reopened_total").labels(name).inc()
                await self._drop(name)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_REOPEN_S)

    async def _drop(self, name: str) -> None:
        for tp in self._inputs.get(name, ()):
            self._unit_of.pop(tp, None)
        unit = self._units.pop(name, None)
        if unit is not None:
            await unit.drop()

    async def _open(self, name: str, inputs: list[TP]) -> Unit:
        settings = self._settings
        partition = inputs[0].partition
        group = f"{settings.topic_prefix}worker"
        producer = UnitProducer(settings.bootstrap, f"{settings.topic_prefix}unit-{name}", group)
        if name == WRITER:
            changelog = Changelog(self._topics.identity_state, None, 0)
        else:
            changelog = Changelog(self._topics.state, self._topics.seen, partition)
        store = await self._prepared(name, producer, changelog)
        try:
            masks = await asyncio.to_thread(read_masks, settings)
            machine = self._machine(name, partition, store, masks)
        except BaseException:
            store.close()
            raise
        archive = self._evidence if name == WRITER else self._archive
        unit = Unit(name, partition, machine, store, producer, changelog, archive, settings.worker_batch)
        await self._next_read()
        consumer = self._consumer()
        for tp in inputs:
            await consumer.seek(tp, machine.positions.get(tp.topic, 0))
            self._unit_of[tp] = unit
        log.info("unit open", unit=name)
        return unit

    async def _prepared(self, name: str, producer: UnitProducer, changelog: Changelog) -> Store:
        """Return the unit's store, ready; when the unit is taken away meanwhile, return only when nothing goes on.

        A thread that went on would fence whoever opens the unit next, and hold its store.
        """
        abandoned = Event()
        preparing = asyncio.ensure_future(asyncio.to_thread(self._prepare, name, producer, changelog, abandoned))
        try:
            return await asyncio.shield(preparing)
        except asyncio.CancelledError:
            abandoned.set()
            [store] = await asyncio.gather(preparing, return_exceptions=True)
            if isinstance(store, Store):
                store.close()
            raise

    def _prepare(self, name: str, producer: UnitProducer, changelog: Changelog, abandoned: Event) -> Store:
        """Fence the former owner, then bring the local store up to the end of the changelog."""

        def go_on(*_: int) -> None:
            if abandoned.is_set():
                raise Abandoned

        go_on()
        producer.open()
        go_on()
        store = Store(self._settings.store_dir / name)
        try:
            read = restore(self._settings.bootstrap, store, changelog, go_on)
        except BaseException:
            store.close()
            raise
        log.info("state restored", unit=name, records=read)
        return store

    def _machine(self, name: str, partition: int, store: Store, masks: Masks) -> Machine:
        count = self._settings.partitions

        def locate(key: str) -> int:
            return partition_of(key, count)

        if name == WRITER:
            return Writer(count, locate, self._topics, store, self._policy)
        return Partition(partition, count, locate, self._topics, store, masks)

    def _redefine(self, compiled: Compiled) -> None:
        for unit in self._units.values():
            self._define(unit, compiled)

    def _define(self, unit: Unit, compiled: Compiled) -> None:
        machine = unit.machine
        if isinstance(machine, Partition):
            unit.insert(lambda: machine.define(compiled, now_ms()))

    def _announce(self, unit: Unit) -> None:
        """Have the identity writer say which policy is in force; warn where the file says something else."""
        machine = unit.machine
        if isinstance(machine, Writer):
            unit.insert(machine.announce)
            if machine.policy != self._policy:
                log.warning(
                    "the policy file is not the policy in force: `kith identity plan` shows what it would change"
                )

    async def _next_read(self) -> None:
        """Wait until a read that may still hold records of a former unit has ended; the next will not touch them."""
        await self._turn.wait()

    def wanted(self) -> set[TP]:
        """Return the partitions to read: those of open units that are not too far behind."""
        self._turn.set()
        self._turn = asyncio.Event()
        return {tp for tp, unit in self._unit_of.items() if unit.waiting <= MOST_WAITING}

    def read(self, tp: TP, records: Sequence[Any], position: int) -> None:
        """Give a partition's records to its unit; those of a unit that is gone will be read by whoever has it next."""
        unit = self._unit_of.get(tp)
        if unit is not None:
            topic = tp.topic
            unit.feed(topic, [Record(topic, each.offset, _text(each.key), each.value) for each in records], position)
            gauge("kith_worker_waiting").labels(unit.name).set(unit.waiting)


def _text(key: bytes | None) -> str:
    return key.decode("utf-8", "replace") if key else ""
