"""The way into Kafka: records of many requests in few batches, acknowledged by all replicas before anybody hears "yes".

Records are written straight into a batch per partition (`Round`). While one round is on its way the next one fills; so
rounds grow with the load, and at rest a record leaves at once. What is held is bounded (`buffer_bytes`); a request
waits for its acknowledgement `timeout_s` at most and is then told to come back (`Unavailable`), as is everybody while
Kafka is away.

A round that was given up by its requests may still reach the log: senders retry with the same message id, which makes
it a duplicate. The producer is idempotent, so its own retries add nothing.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ingest.budget import Budget, UnavailableError
from schemas.errors import KithError
from schemas.metrics import gauge, histogram
from schemas.partitioner import partition_of
from schemas.topics import Topics

log = structlog.get_logger(__name__)

# Under the brokers' default of 1 MB a batch; a larger round is several batches.
BATCH_BYTES = 900 * 1024
# A round that carried this many requests lets the next one fill for a moment: a batch costs as much as many records.
BUSY_REQUESTS = 8
LINGER_S = 0.002
# What a record, and a request that waits, cost in memory beyond the values.
RECORD_OVERHEAD = 100
REQUEST_OVERHEAD = 16 * 1024
_REQUEST_TIMEOUT_MS = 20_000
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0)
_PROBE_S = 2.0
_STOP_S = 5.0
# A round that takes this long will not get through: the brokers may have moved. Begin anew from the bootstrap servers.
_GIVE_UP_S = 30.0
TOO_SLOW = "Kafka is too slow"


# One record to be written: topic, key (it decides the partition), value.
Record = tuple[str, str, bytes]


class Log(Protocol):
    """Where records go and who says that they are safe."""

    async def start(self) -> None:
        """Begin to connect."""

    async def stop(self) -> None:
        """Deliver what is on its way and disconnect."""

    def write(self, records: Sequence[Record], timestamp_ms: int) -> asyncio.Future[None]:
        """Hand over records; the future is done when all of them are safe. Both may raise `UnavailableError`."""

    async def ready(self) -> tuple[bool, str]:
        """Tell whether records can be taken now, and what it waits for where not."""


class _Round:
    """The batches that leave together, and the requests that wait for them."""

    def __init__(self) -> None:
        self.batches: dict[tuple[str, int], list[Any]] = {}
        self.waiters: list[asyncio.Future[None]] = []
        self.size = 0
        self.began = perf_counter()
        self.deadline: asyncio.TimerHandle | None = None

    def fail(self, reason: str) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(UnavailableError(reason))
        self.waiters.clear()

    def acknowledge(self) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


class Producer:
    """Writes records and says when they are safe. Connects by itself, and again whenever it has to."""

    def __init__(self, bootstrap: str, topics: Topics, partitions: int, budget: Budget, timeout_s: float) -> None:
        self._bootstrap = bootstrap
        written = (*topics.events.values(), topics.rejected, topics.replays, topics.inbox)
        self._partitions = {**dict.fromkeys(written, partitions), topics.privacy: 1}
        self._budget = budget
        self._timeout_s = timeout_s
        self._kafka: AIOKafkaProducer | None = None
        self._task: asyncio.Task[None] | None = None
        self._open = _Round()
        self._wake = asyncio.Event()
        self._late = False
        self._why = "Kafka has not been reached yet"
        self._seconds = histogram("kith_collector_acknowledge_seconds")
        self._connected = gauge("kith_collector_kafka_connected")
        gauge("kith_collector_unacknowledged_bytes").set_function(lambda: budget.held)

    async def start(self) -> None:
        """Begin to connect, in the background: a collector starts also while Kafka is away."""
        self._task = asyncio.create_task(self._run(), name="producer")

    async def stop(self) -> None:
        """Deliver what is on its way, as far as Kafka lets us, and disconnect."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_STOP_S, self._timeout_s)):
                while self._kafka is not None and self._budget.held:
                    await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def write(self, records: Sequence[Record], timestamp_ms: int) -> asyncio.Future[None]:
        """Hand over records; the future is done when Kafka has acknowledged all of them.

        It fails with `UnavailableError` when that takes too long; so does this call while nothing more can be taken.
        """
        size = REQUEST_OVERHEAD + RECORD_OVERHEAD * len(records)
        for _, _, value in records:
            size += len(value)
        kafka, current = self._kafka, self._open
        if kafka is None:
            raise UnavailableError(self._why)
        if self._late:
            raise UnavailableError(TOO_SLOW)
        self._budget.take(size)
        batches, partitions = current.batches, self._partitions
        for topic, key, value in records:
            place = (topic, partition_of(key, partitions[topic]))
            chain = batches.get(place)
            if chain is None:
                chain = batches[place] = [kafka.create_batch()]
            # Appending copies the bytes: keeping what the JSON writer returned would hold 4 KB a record.
            raw_key = key.encode()
            if chain[-1].append(timestamp=timestamp_ms, key=raw_key, value=value) is None:
                chain.append(kafka.create_batch())
                chain[-1].append(timestamp=timestamp_ms, key=raw_key, value=value)
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        current.waiters.append(waiter)
        current.size += size
        if current.deadline is None:
            current.began = perf_counter()
            current.deadline = loop.call_later(self._timeout_s, self._give_up, current)
            self._wake.set()
        return waiter

    def _give_up(self, late: _Round) -> None:
        self._late = True
        late.fail(TOO_SLOW)

    async def ready(self) -> tuple[bool, str]:
        """Tell whether Kafka answers now and takes what we have."""
        if self._kafka is None:
            return False, self._why
        if self._late:
            return False, TOO_SLOW
        try:
            async with asyncio.timeout(_PROBE_S):
                await self._kafka.client.fetch_all_metadata()
        except (TimeoutError, KafkaError, OSError) as error:
            return False, f"Kafka does not answer ({type(error).__name__})"
        return True, "Kafka answers"

    async def _run(self) -> None:
        """Stay connected: whatever fails, begin anew with a fresh producer, until cancelled."""
        failures = 0
        while True:
            try:
                self._kafka = await self._connect()
                self._connected.set(1)
                log.info("connected", bootstrap=self._bootstrap)
                failures = 0
                await self._pump(self._kafka)
            except (KafkaError, OSError, KithError, TimeoutError) as error:
                self._why = str(error) if isinstance(error, KithError) else f"Kafka is away ({type(error).__name__})"
                log.warning("not connected", reason=self._why, failures=failures)
            finally:
                self._connected.set(0)
                kafka, self._kafka = self._kafka, None
                self._drop_open()
                self._late = False
                if kafka is not None:
                    await _close(kafka)
            await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
            failures += 1

    async def _connect(self) -> AIOKafkaProducer:
        kafka = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id="kith-collector",
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            retry_backoff_ms=50,
        )
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                await kafka.start()
                cluster = await kafka.client.fetch_all_metadata()
            for name, count in self._partitions.items():
                _check_topic(name, cluster.partitions_for_topic(name), count)
            await kafka.client.set_topics(self._partitions)
        except BaseException:
            await _close(kafka)
            raise
        return kafka

    async def _pump(self, kafka: AIOKafkaProducer) -> None:
        """Send round after round. Returns never; raises what a round failed with."""
        busy = False
        while True:
            await self._wake.wait()
            self._wake.clear()
            if busy:
                await asyncio.sleep(LINGER_S)
            current, self._open = self._open, _Round()
            busy = len(current.waiters) >= BUSY_REQUESTS
            try:
                async with asyncio.timeout(_GIVE_UP_S):
                    await _send(kafka, current)
            except BaseException:
                current.fail("Kafka did not take the events")
                raise
            finally:
                self._budget.give(current.size)
                if current.deadline is not None:
                    current.deadline.cancel()
            self._late = False
            self._seconds.observe(perf_counter() - current.began)
            current.acknowledge()

    def _drop_open(self) -> None:
        """Let go of the round that was filling: its requests are told to come back."""
        dropped, self._open = self._open, _Round()
        self._wake.clear()
        self._budget.give(dropped.size)
        if dropped.deadline is not None:
            dropped.deadline.cancel()
        dropped.fail("Kafka is away")


def _check_topic(name: str, partitions: Iterable[int] | None, wanted: int) -> None:
    count = len(set(partitions or ()))
    if not count:
        raise KithError(f"The topic {name} does not exist: create the topics with `kith topics`.")
    if count != wanted:
        raise KithError(f"The topic {name} has {count} partitions but KITH_PARTITIONS is {wanted}: set it to {count}.")


async def _send(kafka: AIOKafkaProducer, current: _Round) -> None:
    """Send all batches of a round. Raises the first error once every batch is settled."""
    chains = [(topic, partition, chain) for (topic, partition), chain in current.batches.items()]
    settling: list[Any] = []
    long: list[Any] = []
    for topic, partition, chain in chains:
        settling.append(await kafka.send_batch(chain[0], topic, partition=partition))
        if len(chain) > 1:
            long.append(_send_rest(kafka, topic, partition, chain[1:]))
    outcomes = await asyncio.gather(*settling, *long, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _send_rest(kafka: AIOKafkaProducer, topic: str, partition: int, chain: Iterable[Any]) -> None:
    for batch in chain:
        await (await kafka.send_batch(batch, topic, partition=partition))


async def _close(kafka: AIOKafkaProducer) -> None:
    """Disconnect without waiting for what cannot be delivered."""
    try:
        async with asyncio.timeout(2.0):
            await kafka.stop()
    except (TimeoutError, KafkaError, OSError):
        with contextlib.suppress(KafkaError, OSError):
            await kafka.client.close()
