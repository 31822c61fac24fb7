"""The table of decision record 1, on a real Kafka: a crash after each step, a lost disk, two owners of one unit."""

import asyncio
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from processors.partition.effects import Record
from processors.partition.fold import Partition
from processors.producer import Changelog, UnitProducer
from processors.restore import restore
from processors.store import Store
from processors.unit import Unit
from schemas.codec import dumps, loads
from schemas.topics import Topics
from tests.unit.processors.identity.shop import Event, at


class NoArchive:
    """Nothing here is old, so nothing is asked."""

    async def known(self, partition: int, old: Sequence[tuple[str, str, str, int]]) -> dict[str, bytes]:
        raise AssertionError(old)

    async def events(self, partition: int, job: Mapping[str, Any]) -> list[bytes]:
        raise AssertionError(job)


class Crash(Exception):
    """Stands for kill -9: whoever meets it forgets everything."""


class Bench:
    """One partition on a real broker, whose unit can be made to die at a chosen step."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.topics = Topics(prefix)
        self.folder = folder
        self.log = Changelog(self.topics.state, self.topics.seen, 0)
        names = [*self.topics.partition_inputs(), self.topics.evidence, self.topics.profiles, self.topics.changes]
        names += [self.topics.rejected, self.topics.state, self.topics.seen, self.topics.orders]
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for future in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
            future.result()

    def produce(self, *events: Event) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for event in events:
            producer.produce(self.topics.events["web"], dumps(dict(event)), event["seed"])
        assert producer.flush(10) == 0

    def read(self, topic: str, start: int = 0) -> list[tuple[int, bytes | None]]:
        """Return the committed records of a topic from an offset on."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": uuid.uuid4().hex,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
            }
        )
        consumer.assign([TopicPartition(topic, 0, start)])
        found: list[tuple[int, bytes | None]] = []
        while (message := consumer.poll(10)) is not None and message.error() is None:
            found.append((message.offset() or 0, message.value()))
        consumer.close()
        return found

    def open(self) -> Unit:
        producer = UnitProducer(self.bootstrap, f"{self.topics.prefix}unit-0", f"{self.topics.prefix}worker")
        producer.open()
        store = Store(self.folder)
        restore(self.bootstrap, store, self.log)
        machine = Partition(0, 1, lambda _: 0, self.topics, store)
        return Unit("0", 0, machine, store, producer, self.log, NoArchive(), 1000)

    async def work(self, unit: Unit) -> None:
        """Fold everything that the unit has not folded yet, in batches of two."""
        topic = self.topics.events["web"]
        while records := self.read(topic, unit.machine.positions.get(topic, 0))[:2]:
            await one_step(unit, [Record(topic, offset, "", value) for offset, value in records])

    def profile(self) -> dict[str, Any]:
        [*_, (_, newest)] = self.read(self.topics.profiles)
        profile: dict[str, Any] = loads(newest or b"")
        return profile


async def one_step(unit: Unit, records: list[Record]) -> None:
    unit.feed(records[-1].topic, records, records[-1].offset + 1)
    unit.running = asyncio.ensure_future(unit.run())
    while unit.waiting and not unit.running.done():
        await asyncio.sleep(0.005)
    unit._stopping = True
    unit._wake.set()
    running, unit.running = unit.running, None
    await running
    unit._stopping = False


@pytest.fixture
def bench(kafka: str, topic_prefix: str, tmp_path: Path) -> Bench:
    return Bench(kafka, topic_prefix, tmp_path / "store")


EVENTS = [at(second, u="u1", message=f"m{second}") for second in range(1, 7)]


def die_before_commit(unit: Unit) -> None:
    unit._producer._producer = Dying(unit._producer._producer)  # type: ignore[assignment]


def die_after_commit(unit: Unit) -> None:
    unit._store.write = crash  # type: ignore[method-assign]


def crash(*_: Any, **__: Any) -> Any:
    raise Crash


class Dying:
    """A producer that sends everything and dies before it commits."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def __getattr__(self, name: str) -> Any:
        if name == "commit_transaction":
            self._producer.flush(10)
            return crash
        return getattr(self._producer, name)


@pytest.mark.parametrize("die", [die_before_commit, die_after_commit])
async def test_a_crash_at_any_step_counts_every_event_once(bench: Bench, die: Callable[[Unit], None]) -> None:
    bench.produce(*EVENTS[:4])
    unit = bench.open()
    await bench.work(unit)
    bench.produce(*EVENTS[4:])
    die(unit)
    with pytest.raises(Crash):
        await bench.work(unit)
    unit._store.close()
    survivor = bench.open()
    await bench.work(survivor)
    profile = bench.profile()
    assert profile["activity"]["events"] == 6
    versions = [loads(value or b"")["version"] for _, value in bench.read(bench.topics.profiles)]
    assert versions == [1, 2, 3], "each batch was published once"
    await survivor.stop()


async def test_a_lost_disk_is_read_back_from_the_changelog(bench: Bench) -> None:
    bench.produce(*EVENTS, EVENTS[0])
    unit = bench.open()
    await bench.work(unit)
    before = dict(unit._store.scan(b"", b"\xff"))
    await unit.stop()
    shutil.rmtree(bench.folder)
    again = bench.open()
    after = dict(again._store.scan(b"", b"\xff"))
    unlogged = {key for key in before if key.startswith(b"v:")}
    assert unlogged
    assert {key: value for key, value in before.items() if key not in unlogged} == after
    bench.produce(*EVENTS)
    await bench.work(again)
    assert bench.profile()["activity"]["events"] == 6, "what was seen before the loss is still known"
    await again.stop()


async def test_the_former_owner_is_fenced(bench: Bench, tmp_path: Path) -> None:
    bench.produce(*EVENTS[:2])
    former = bench.open()
    bench.folder = tmp_path / "another"
    latter = bench.open()
    with pytest.raises(KafkaException):
        await bench.work(former)
    await bench.work(latter)
    assert bench.profile()["activity"]["events"] == 2
    await latter.stop()
    await former.drop()


async def test_a_fenced_unit_can_be_dropped_and_opened_again(bench: Bench, tmp_path: Path) -> None:
    bench.produce(*EVENTS[:2])
    former = bench.open()
    await bench.work(former)
    folder, bench.folder = bench.folder, tmp_path / "another"
    latter = bench.open()
    with pytest.raises(KafkaException, match="fenced"):
        # As an idle unit shows how far it has read: what a fenced producer then says it says at every call.
        former._producer.commit([], bench.log, [], b"", {(bench.topics.events["web"], 0): 1})
    await former.drop()
    await latter.drop()
    bench.folder = folder
    again = bench.open()
    await bench.work(again)
    assert bench.profile()["activity"]["events"] == 2
    await again.stop()
