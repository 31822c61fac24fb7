"""Who delivers what: the API processes divide the subscriptions among them, and each goes on where the last one was.

The processes are one consumer group on `segments.deliveries`; a subscription belongs to whoever has the partition of
its id. That partition is read to its end first, then its couriers start. A process that dies is replaced within the
group's session time; what it had delivered and not yet written down is delivered again, under the same `webhook-id`.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from api.clickhouse import ClickHouse
from api.delivery.consents import Consents
from api.delivery.courier import Courier, Means
from api.delivery.journal import Journal, Kept, delivery_key, delivery_of, read_back, written
from api.delivery.log import ChangeLog
from api.delivery.queue import Delivery, Place, Queue
from api.delivery.schedule import delays_of
from api.delivery.sender import Sender
from api.delivery.tail import Tail
from api.followed import away
from api.subscriptions import Subscriptions
from schemas.codec import loads
from schemas.errors import Problem
from schemas.metrics import gauge
from schemas.settings import Settings

log = structlog.get_logger(__name__)

_LOOK_MS = 200
_SESSION_MS = 6_000
_HEARTBEAT_MS = 1_500
_RETRY_S = 1.0


class Deliveries(ConsumerRebalanceListener):  # type: ignore[misc]
    """Delivers the subscriptions of the partitions that this process has."""

    def __init__(
        self, settings: Settings, subscriptions: Subscriptions, tail: Tail, changes: ChangeLog, clickhouse: ClickHouse
    ) -> None:
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.deliveries
        self._group = f"{settings.topic_prefix}api"
        self._subscriptions = subscriptions
        self._journal = Journal(settings)
        self._sender = Sender(settings)
        self._consents = Consents(settings, clickhouse)
        delays = delays_of(settings.webhook_retries)
        self._means = Means(tail, changes, self._sender, self._journal, self._consents, subscriptions.known, delays)
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        # By partition: what was read of it so far, and up to where it has to be read before its couriers start.
        self._loading: dict[int, tuple[dict[str, Kept], int]] = {}
        self._owned: dict[int, dict[str, Kept]] = {}
        self._couriers: dict[str, Courier] = {}

    async def start(self) -> None:
        """Begin; Kafka may come later."""
        await self._sender.start()
        self._task = asyncio.create_task(self._run_for_ever())

    async def stop(self) -> None:
        """Stop delivering and hand the partitions on."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for part in (self._journal, self._sender, self._consents):
            await part.stop()

    async def replay(self, subscription_id: str, dead: Sequence[Delivery]) -> None:
        """Have dead deliveries tried anew by whoever delivers the subscription. Raises `Problem` (unavailable)."""
        records = [written(subscription_id, delivery.place, delivery, replay=True) for delivery in dead]
        try:
            await self._journal.write(subscription_id, records)
        except KafkaError as error:
            raise away() from error

    async def _run_for_ever(self) -> None:
        while True:
            try:
                await self._run()
            except (KafkaError, Problem) as error:
                log.warning("webhooks: not delivering yet", error=type(error).__name__, retry_s=_RETRY_S)
            except Exception:
                log.exception("webhooks: delivering broke; it starts again")
            await asyncio.sleep(_RETRY_S)

    async def _run(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._group,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            fetch_max_wait_ms=_LOOK_MS,
        )
        self._consumer = consumer
        try:
            await consumer.start()
            consumer.subscribe([self._topic], listener=self)
            while True:
                batches = await consumer.getmany(timeout_ms=_LOOK_MS)
                for place, records in batches.items():
                    for record in records:
                        self._take(place.partition, record)
                await self._loaded()
                await self._reconcile()
        finally:
            await self._stop_couriers(list(self._couriers))
            self._owned, self._loading, self._consumer = {}, {}, None
            await consumer.stop()

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Stop the couriers of partitions that go to somebody else; what they did is written down first."""
        gone = {place.partition for place in revoked}
        for partition in gone:
            self._owned.pop(partition, None)
            self._loading.pop(partition, None)
        await self._stop_couriers([id_ for id_ in self._couriers if self._journal.partition(id_) in gone])

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Read each partition from its beginning."""
        consumer = self._consumer
        if consumer is None or not assigned:
            return
        ends = await consumer.end_offsets(assigned)
        await consumer.seek_to_beginning(*assigned)
        for place in assigned:
            self._loading[place.partition] = ({}, ends[place])

    def _take(self, partition: int, record: "ConsumerRecord[bytes, bytes]") -> None:
        """Take a record: while loading, whatever it says; later only what others ask for."""
        try:
            if partition in self._loading:
                read_back(self._loading[partition][0], record.key or b"", record.value)
            elif record.value is not None and b'"replay":true' in record.value:
                wanted = loads(record.value)
                courier = self._couriers.get(wanted["subscription_id"])
                if courier is not None:
                    courier.replay(delivery_of(wanted))
        except (ValueError, KeyError, TypeError, Problem):
            log.error("a record of the deliveries' topic says nothing; it is left out", offset=record.offset)

    async def _loaded(self) -> None:
        """Let the couriers of those partitions start that were read to the end."""
        consumer = self._consumer
        if consumer is None or not self._loading:
            return
        for place in consumer.assignment():
            if place.partition in self._loading:
                kept, end = self._loading[place.partition]
                if await consumer.position(place) >= end:
                    # Only now is it known which subscriptions there were when these were written.
                    await self._subscriptions.newest()
                    if self._loading.pop(place.partition, None) is not None:
                        self._owned[place.partition] = kept
                        self._subscriptions.changed.set()

    async def _reconcile(self) -> None:
        """Have a courier for each subscription that is this process's, and for no other."""
        gauge("kith_api_webhooks_waiting").set(sum(each.queue.waiting for each in self._couriers.values()))
        broken = [id_ for id_, courier in self._couriers.items() if courier.broken]
        if not broken and not self._subscriptions.changed.is_set():
            return
        self._subscriptions.changed.clear()
        known = self._subscriptions.known
        for id_ in broken:
            log.error("webhooks: a courier broke; it starts again", subscription=id_)
            await self._again(id_)
        for id_ in [id_ for id_ in self._couriers if id_ not in known]:
            await self._remove(id_)
        for kept in list(self._owned.values()):
            for id_ in [id_ for id_ in kept if id_ not in known]:
                gone = kept.pop(id_)
                await self._forget(id_, [*gone.waiting, *gone.dead])
        # From here on nothing waits, so no partition goes to somebody else meanwhile.
        for id_ in known:
            owned = self._owned.get(self._journal.partition(id_))
            if owned is not None and id_ not in self._couriers:
                self._start_courier(id_, self._queue(id_, owned.pop(id_, Kept())))

    def _queue(self, id_: str, kept: Kept) -> Queue:
        positions = self._subscriptions.known[id_].after if kept.positions is None else kept.positions
        return Queue(positions, kept.waiting.values(), kept.dead, _now())

    def _start_courier(self, id_: str, queue: Queue) -> None:
        courier = self._couriers[id_] = Courier(self._subscriptions.known[id_], queue, self._means)
        courier.start()

    async def _again(self, id_: str) -> None:
        """Stop a courier that broke and put another one in its place, if the subscription is still this process's."""
        courier = self._couriers.pop(id_, None)
        if courier is None:
            return
        await courier.stop()
        if id_ in self._subscriptions.known and self._journal.partition(id_) in self._owned:
            self._start_courier(id_, courier.queue.anew(_now()))

    async def _remove(self, id_: str) -> None:
        """Stop the courier of a subscription that was deleted, and let go of everything that was kept about it."""
        courier = self._couriers.pop(id_, None)
        if courier is not None:
            await courier.abandon()
            await self._forget(id_, courier.queue.kept())

    async def _forget(self, id_: str, places: list[Place]) -> None:
        await self._journal.write(id_, [*((delivery_key(id_, place), None) for place in places), (id_.encode(), None)])

    async def _stop_couriers(self, ids: list[str]) -> None:
        couriers = [self._couriers.pop(id_) for id_ in ids]
        await asyncio.gather(*(courier.stop() for courier in couriers))


def _now() -> int:
    return time.time_ns() // 1_000_000
