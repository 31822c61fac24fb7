"""The way into Kafka, with a broker that is away, silent or broken whenever the test says so."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError

from ingest import producer as module
from ingest.budget import Budget, UnavailableError
from ingest.producer import REQUEST_OVERHEAD, Producer, Record
from schemas.partitioner import partition_of
from schemas.topics import Topics

TOPICS = Topics("t.")
WEB = TOPICS.events["web"]


class Batch:
    """As aiokafka's: full after `room` records, None then."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.records: list[tuple[bytes, bytes]] = []

    def append(self, *, timestamp: int, key: bytes, value: bytes) -> object | None:
        if len(self.records) == self.room:
            return None
        self.records.append((key, value))
        return object()


class Cluster:
    def partitions_for_topic(self, name: str) -> set[int] | None:
        return Broker.partitions.get(name)


class Broker:
    """What all producers of a test speak to."""

    partitions: dict[str, set[int]]
    connects: bool
    answers: asyncio.Event
    error: KafkaError | None
    room: int
    kept: dict[tuple[str, int], list[tuple[bytes, bytes]]]
    sends: int
    opened: int


class FakeProducer:
    def __init__(self, **_: Any) -> None:
        self.client = self
        self.closed = False
        Broker.opened += 1

    async def start(self) -> None:
        if not Broker.connects:
            raise KafkaConnectionError("nobody there")

    async def fetch_all_metadata(self) -> Cluster:
        await Broker.answers.wait()
        return Cluster()

    def set_topics(self, names: object) -> asyncio.Future[bool]:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done

    def create_batch(self) -> Batch:
        return Batch(Broker.room)

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Task[None]":
        Broker.sends += 1

        async def deliver() -> None:
            await Broker.answers.wait()
            if Broker.error is not None:
                raise Broker.error
            Broker.kept.setdefault((topic, partition), []).extend(batch.records)

        return asyncio.create_task(deliver())

    async def stop(self) -> None:
        self.closed = True

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AIOKafkaProducer", FakeProducer)
    monkeypatch.setattr(module, "_BACKOFF_S", (0.01,))
    monkeypatch.setattr(module, "_PROBE_S", 0.05)
    spread = (*TOPICS.events.values(), TOPICS.rejected, TOPICS.replays, TOPICS.inbox)
    Broker.partitions = {**{name: {0, 1, 2, 3} for name in spread}, TOPICS.privacy: {0}}
    Broker.connects, Broker.error, Broker.room = True, None, 1000
    Broker.answers = asyncio.Event()
    Broker.answers.set()
    Broker.kept, Broker.sends, Broker.opened = {}, 0, 0


@pytest.fixture
async def producer() -> AsyncIterator[Producer]:
    running = Producer("nowhere:1", TOPICS, 4, Budget(1 << 20), 0.1)
    await running.start()
    await asyncio.sleep(0.01)
    yield running
    await running.stop()


def record(key: str, value: bytes = b"{}") -> Record:
    return (WEB, key, value)


async def test_acknowledged_means_kept_by_the_partition_of_the_key(producer: Producer) -> None:
    records = [record(f"k{number}", b"%d" % number) for number in range(100)]
    await producer.write(records, 1)
    for _, key, value in records:
        assert (key.encode(), value) in Broker.kept[(WEB, partition_of(key, 4))]
    assert sum(map(len, Broker.kept.values())) == 100


async def test_a_topic_of_one_partition_takes_every_key(producer: Producer) -> None:
    await producer.write([(TOPICS.privacy, f"k{number}", b"{}") for number in range(20)], 1)
    assert {place: len(kept) for place, kept in Broker.kept.items()} == {(TOPICS.privacy, 0): 20}


async def test_many_requests_share_a_round(producer: Producer) -> None:
    await asyncio.gather(*(producer.write([record("k", b"%d" % number)], 1) for number in range(50)))
    assert Broker.sends < 5
    assert [value for _, value in Broker.kept[(WEB, partition_of("k", 4))]] == [b"%d" % n for n in range(50)]


async def test_a_round_larger_than_a_batch_keeps_its_order(producer: Producer) -> None:
    Broker.room = 10
    await producer.write([record("k", b"%d" % number) for number in range(95)], 1)
    assert [value for _, value in Broker.kept[(WEB, partition_of("k", 4))]] == [b"%d" % n for n in range(95)]


async def test_nothing_is_acknowledged_before_kafka_does(producer: Producer) -> None:
    Broker.answers.clear()
    waiting = producer.write([record("k")], 1)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    Broker.answers.set()
    await waiting


async def test_too_slow_then_back_by_itself(producer: Producer) -> None:
    Broker.answers.clear()
    with pytest.raises(UnavailableError, match="too slow"):
        await producer.write([record("late")], 1)
    with pytest.raises(UnavailableError, match="too slow"):
        producer.write([record("refused at once")], 1)
    assert await producer.ready() == (False, "Kafka is too slow")
    Broker.answers.set()
    await asyncio.sleep(0.01)
    assert (await producer.ready())[0]
    await producer.write([record("again")], 1)


async def test_what_is_held_is_bounded_and_given_back() -> None:
    budget = Budget(10 * (REQUEST_OVERHEAD + 1000))
    producer = Producer("nowhere:1", TOPICS, 4, budget, 0.2)
    await producer.start()
    await asyncio.sleep(0.01)
    Broker.answers.clear()
    waiting = []
    for _ in range(9):
        waiting.append(producer.write([record("k", b"a" * 500)], 1))
    with pytest.raises(UnavailableError, match="too much"):
        producer.write([record("k", b"a" * 20_000)], 1)
    Broker.answers.set()
    await asyncio.gather(*waiting)
    await asyncio.sleep(0)
    assert budget.held == 0
    await producer.write([record("k", b"a" * 500)], 1)
    await producer.stop()


async def test_away_at_the_start() -> None:
    Broker.connects = False
    producer = Producer("nowhere:1", TOPICS, 4, Budget(1 << 20), 0.1)
    await producer.start()
    await asyncio.sleep(0.05)
    with pytest.raises(UnavailableError, match="away"):
        producer.write([record("k")], 1)
    assert (await producer.ready())[0] is False
    Broker.connects = True
    await asyncio.sleep(0.05)
    await producer.write([record("k")], 1)
    assert await producer.ready() == (True, "Kafka answers")
    await producer.stop()


async def test_a_failed_round_begins_anew(producer: Producer) -> None:
    Broker.error = KafkaError("out of order")
    with pytest.raises(UnavailableError):
        await producer.write([record("lost")], 1)
    Broker.error = None
    await asyncio.sleep(0.05)
    assert Broker.opened == 2
    await producer.write([record("kept")], 1)
    assert [key for records in Broker.kept.values() for key, _ in records] == [b"kept"]


async def test_kafka_that_does_not_answer_is_not_ready(producer: Producer) -> None:
    assert (await producer.ready())[0]
    Broker.answers.clear()
    assert (await producer.ready())[0] is False


@pytest.mark.parametrize(
    ("partitions", "told"),
    [(None, "does not exist: create the topics"), ({0, 1}, "has 2 partitions but KITH_PARTITIONS is 4")],
)
async def test_topics_that_are_not_as_they_should_be(partitions: Any, told: str) -> None:
    if partitions is None:
        del Broker.partitions[WEB]
    else:
        Broker.partitions[WEB] = partitions
    producer = Producer("nowhere:1", TOPICS, 4, Budget(1 << 20), 0.1)
    await producer.start()
    await asyncio.sleep(0.03)
    ready, detail = await producer.ready()
    assert not ready
    assert told in detail
    await producer.stop()


async def test_stopping_delivers_what_is_on_its_way() -> None:
    producer = Producer("nowhere:1", TOPICS, 4, Budget(1 << 20), 1.0)
    await producer.start()
    await asyncio.sleep(0.01)
    waiting = producer.write([record("k")], 1)
    await producer.stop()
    assert waiting.done()
    assert Broker.kept
