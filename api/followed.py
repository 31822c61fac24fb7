"""A control topic of one partition, kept whole in memory: the newest record of each key, as of the topic's end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import Problem

log = structlog.get_logger(__name__)

_CONNECTS_S = 3.0
_PATIENCE_S = 10.0
_LONGEST_WAIT_S = 5.0
# A transaction marker behind the last record is seen at the next look only.
_LOOK_MS = 50

# What to do with a record: (key, value). It must not raise.
Take = Callable[[bytes | None, bytes | None], None]


class Followed:
    """Hands every committed record of `topic` to `take`, from the beginning, again after each lost connection."""

    def __init__(self, bootstrap: str, topic: str, take: Take) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._take = take
        self._consumer: AIOKafkaConsumer | None = None
        self._connected = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._position = 0

    async def start(self) -> None:
        """Begin to follow the topic; Kafka may come later."""
        self._follower = asyncio.create_task(self._follow_for_ever())

    async def stop(self) -> None:
        """Stop following."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower

    async def catch_up(self) -> None:
        """Return when everything was taken that the topic holds now. Raises `Problem` (unavailable) without Kafka."""
        with suppress(TimeoutError):
            # A process that has just started connects in a moment.
            await asyncio.wait_for(self._connected.wait(), _CONNECTS_S)
        consumer = self._consumer
        if consumer is None:
            raise away()
        place = TopicPartition(self._topic, 0)
        try:
            ends = await asyncio.wait_for(consumer.end_offsets([place]), _PATIENCE_S)
        except (TimeoutError, KafkaError) as error:
            raise away() from error
        await self.reach(ends[place])

    async def reach(self, position: int) -> None:
        """Return when every record before `position` was taken. Raises `Problem` (unavailable) without Kafka."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while self._position < position:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            raise away() from error

    async def _follow_for_ever(self) -> None:
        delay = 0.1
        while True:
            try:
                await self._follow()
            except KafkaError as error:
                log.warning("topic not followed yet", topic=self._topic, error=type(error).__name__, retry_s=delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_WAIT_S)

    async def _follow(self) -> None:
        place = TopicPartition(self._topic, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=_LOOK_MS,
        )
        try:
            await consumer.start()
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            self._consumer = consumer
            self._connected.set()
            while True:
                batches = await consumer.getmany(timeout_ms=_LOOK_MS)
                for record in (record for records in batches.values() for record in records):
                    self._take(record.key, record.value)
                self._position = await consumer.position(place)
                self._moved.set()
        finally:
            self._connected.clear()
            self._consumer = None
            await consumer.stop()


def away() -> Problem:
    """Return the refusal of what needs Kafka while it does not answer."""
    return Problem("unavailable", "Kafka does not answer; try again in a moment.")
