"""Faust's consumer, giving whole batches: group membership, rebalancing and heartbeats stay Faust's.

Faust's own way hands each message to a stream by two tasks; here each partition's list of records goes to one reader.
Offsets are committed in the units' transactions, never by Faust.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

# The most that one answer of the broker may hold; larger single records still come, alone.
FETCH_BYTES = 8 << 20


class Readers(Protocol):
    """Who reads: asked before every read, told after it."""

    def wanted(self) -> set[TP]:
        """Return the partitions to read now; a partition that is not among them is not touched by the read."""

    def read(self, tp: TP, records: Sequence[Any], position: int) -> None:
        """Take records of one partition, in order, and how far it has been read, past markers that are no records."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Joins the group with the range assignor: it puts partition p of every topic into one process."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = RangePartitionAssignor
        return AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=conf.broker_max_poll_records,
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=250,
            fetch_max_bytes=FETCH_BYTES,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            isolation_level="read_committed",
        )

    def read_position(self, tp: TP) -> int | None:
        """Return how far this partition has been read, past transaction markers; None while it is not known."""
        if self._consumer is None:
            return None
        subscription = self._consumer._subscription.subscription
        assignment = None if subscription is None else subscription.assignment
        if assignment is None:
            return None
        try:
            state = assignment.state_value(TopicPartition(tp.topic, tp.partition))
        except KeyError:
            return None
        return int(state.position) if state is not None and state.has_valid_position else None


class Consumer(driver.Consumer):
    """Hands each partition's records to `readers`."""

    readers: ClassVar[Readers]

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Leave positions alone: each unit seeks to what its own store holds."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit nothing: offsets travel in the units' transactions."""
        return False

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Check nothing: Faust would warn that it has not committed."""

    async def _drain_messages(self, fetcher: Any) -> None:
        stopped = self._stopped.is_set
        fetcher_stopped = fetcher._stopped.is_set
        readers = type(self).readers
        thread: Any = self._thread
        try:
            while not (stopped() or fetcher_stopped()):
                if not self.flow_active:
                    await self.can_resume_flow.wait()
                partitions = readers.wanted()
                if not partitions:
                    await self.sleep(0.02)
                    continue
                records = await self._getmany(active_partitions=partitions, timeout=0.2)
                # Nothing but this loop reads: until the next read these positions stand behind exactly these records.
                for tp in partitions:
                    position = thread.read_position(tp)
                    if position is not None:
                        readers.read(tp, records.get(tp, ()), position)
                await asyncio.sleep(0)
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.transport.app.should_stop:
                raise


class Transport(driver.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer: ClassVar[type[Consumer]] = Consumer


class NoTables(TableManager):
    """Faust's tables, of which there are none here: a unit has its own store.

    Starts without the second in which Faust lets tables be declared: it would be the longest part of a restart.
    """

    async def on_start(self) -> None:
        """Go on to the group as soon as the consumer is there."""
        await self._update_channels()
        await self.recovery.start()


def partitions_of(tps: Iterable[TP], topic: str) -> set[int]:
    """Return the partitions of one topic among `tps`."""
    return {tp.partition for tp in tps if tp.topic == topic}
