"""The log of segment changes, read from any place by whoever is behind the newest: one connection for all of them."""

import asyncio
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from api.delivery.cursor import Positions
from api.delivery.tail import Change, Tail, change_of, reader
from processors.erasure.masks import Masks
from schemas.settings import Settings

log = structlog.get_logger(__name__)

_AT_ONCE_BYTES = 256 << 10
_LOOK_MS = 500
_ONE_MS = 5_000


class ChangeLog:
    """Reads a piece for one caller at a time, first come, first served; holds nothing in between."""

    def __init__(self, settings: Settings, masks: Masks) -> None:
        self._masks = masks
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.changes
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Do nothing: who is the first to be behind connects."""

    async def stop(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(KafkaError):
                await consumer.stop()

    async def read(self, positions: Positions, most: int) -> tuple[list[Change], Positions]:
        """Return up to `most` changes from these positions on, and the positions behind them.

        Raises `KafkaError` without Kafka.
        """
        async with self._turn:
            consumer = await self._connected()
            places = consumer.assignment()
            for place in places:
                consumer.seek(place, positions.get(place.partition, 0))
            try:
                batches = await consumer.getmany(timeout_ms=_LOOK_MS, max_records=most)
                # Transaction markers too: behind the last change there may be nothing but these.
                reached = {place.partition: await consumer.position(place) for place in places}
            except KafkaError:
                await self.stop()
                raise
        records = [record for records in batches.values() for record in records]
        return [change for record in records if (change := change_of(record, self._masks)) is not None], reached

    async def one(self, partition: int, offset: int) -> Change | None:
        """Return the change at a place, None if the log does not reach back to it. Raises `KafkaError`."""
        async with self._turn:
            consumer = await self._connected()
            wanted = next((place for place in consumer.assignment() if place.partition == partition), None)
            if wanted is None:
                return None
            others = [place for place in consumer.assignment() if place != wanted]
            consumer.pause(*others)
            try:
                consumer.seek(wanted, offset)
                batches = await consumer.getmany(wanted, timeout_ms=_ONE_MS, max_records=1)
            except KafkaError:
                await self.stop()
                raise
            finally:
                consumer.resume(*others)
        record = next((record for records in batches.values() for record in records), None)
        return change_of(record, self._masks) if record is not None and record.offset == offset else None

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = reader(self._bootstrap, self._topic, _AT_ONCE_BYTES)
            try:
                await consumer.start()
            except KafkaError:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer


class Feed:
    """The changes from a place on, piece by piece, at the pace of whoever asks: the newest of them from the ring."""

    def __init__(self, tail: Tail, changes: ChangeLog, positions: Positions) -> None:
        self._tail = tail
        self._changes = changes
        self._number: int | None = None
        self.positions = dict(positions)

    async def next(self, most: int, seconds: float) -> list[Change]:
        """Return up to `most` changes, maybe none, after `seconds` at the latest where there are none."""
        tail = self._tail
        await tail.begun()
        if self._number is None or self._number < tail.first:
            if not tail.covers(self.positions):
                self._number = None
                found, self.positions = await self._changes.read(self.positions, most)
                return found
            self._number = tail.first
        found = tail.since(self._number, most)
        if not found:
            await tail.news(seconds)
            return []
        self._number += len(found)
        fresh = [each for each in found if each.offset >= self.positions.get(each.partition, 0)]
        for each in fresh:
            self.positions[each.partition] = each.offset + 1
        return fresh
