"""The newest segment changes, read once per process and kept for all who follow.

Whoever follows reads the ring at their own pace; who falls out of it goes back to the log. So a slow receiver costs
neither memory nor the others' time.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.structs import ConsumerRecord

from api.delivery.cursor import Positions
from processors.erasure.masks import Masks
from schemas.codec import JSONDecodeError, dumps, loads
from schemas.identifier import Identifier
from schemas.privacy import PROFILE_ID

log = structlog.get_logger(__name__)

KEPT = 10_000
_RETRY_S = 1.0
_CONNECTS_S = 3.0
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """One record of `segments.changes`; `moved` tells that only the profile id changed."""

    partition: int
    offset: int
    change_id: str
    segment_id: str
    profile_id: str
    sequence: int
    change: str
    at: str
    moved: bool
    raw: bytes
    timestamp: int  # when it was published, in ms
    masks: Masks

    @property
    def data(self) -> bytes:
        """Return the record as published; of somebody who has been erased since, without what names them."""
        if self.masks.hides_published(Identifier(PROFILE_ID, self.profile_id), self.timestamp):
            return dumps({**loads(self.raw), "identifiers": []})
        return self.raw


class Tail:
    """A ring of the newest changes. `first` is the running number of its oldest, `floor` where it is complete from."""

    def __init__(self, bootstrap: str, topic: str, masks: Masks | None = None) -> None:
        self._masks = Masks() if masks is None else masks
        self._bootstrap = bootstrap
        self._topic = topic
        self._ring: deque[Change] = deque()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.first = 0
        self.floor: Positions = {}
        self.ends: Positions = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._connected = asyncio.Event()
        self._begun = asyncio.Event()

    async def start(self) -> None:
        """Begin at the log's end; Kafka may come later."""
        self._task = asyncio.create_task(self._read_for_ever())

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def begun(self) -> None:
        """Return when it is known where the ring begins."""
        await self._begun.wait()

    @property
    def next(self) -> int:
        """Return the running number that the next change will have."""
        return self.first + len(self._ring)

    def covers(self, positions: Positions) -> bool:
        """Tell whether every change from these positions on is in the ring or still to come."""
        return all(positions.get(partition, 0) >= offset for partition, offset in self.floor.items())

    def since(self, number: int, most: int) -> list[Change]:
        """Return up to `most` changes from that running number on, which must not be below `first`."""
        return list(islice(self._ring, number - self.first, number - self.first + most))

    async def news(self, seconds: float) -> None:
        """Return when there is something new, after `seconds` at the latest."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def take(self, record: "ConsumerRecord[bytes, bytes]") -> None:
        """Add a record to the ring; the oldest one leaves it when it is full."""
        self.ends[record.partition] = record.offset + 1
        change = change_of(record, self._masks)
        if change is None:
            return
        self._ring.append(change)
        if len(self._ring) > KEPT:
            oldest = self._ring.popleft()
            self.first += 1
            self.floor[oldest.partition] = oldest.offset + 1

    def announce(self) -> None:
        """Wake everybody who waits for news."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def bounds(self) -> dict[int, tuple[int, int]]:
        """Return where each partition of the log begins and ends now. Raises `KafkaError` without Kafka."""
        # A process that has just started connects in a moment.
        await asyncio.wait_for(self._connected.wait(), _CONNECTS_S)
        consumer = self._consumer
        if consumer is None:
            raise KafkaConnectionError("not connected")
        places = consumer.assignment()
        async with asyncio.timeout(_PATIENCE_S):
            beginnings = await consumer.beginning_offsets(places)
            ends = await consumer.end_offsets(places)
        return {place.partition: (beginnings[place], ends[place]) for place in places}

    async def _read_for_ever(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                log.warning("segment changes not read", error=type(error).__name__, retry_s=_RETRY_S)
            await asyncio.sleep(_RETRY_S)

    async def _read(self) -> None:
        consumer = reader(self._bootstrap, self._topic)
        try:
            await consumer.start()
            places = consumer.assignment()
            if not self.ends:
                self.ends = {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}
                self.floor = dict(self.ends)
            for place in places:
                consumer.seek(place, self.ends.get(place.partition, 0))
            self._consumer = consumer
            self._connected.set()
            self._begun.set()
            while True:
                batches = await consumer.getmany(timeout_ms=1000)
                for records in batches.values():
                    for record in records:
                        self.take(record)
                if batches:
                    self.announce()
        finally:
            self._connected.clear()
            self._consumer = None
            await consumer.stop()


def reader(bootstrap: str, topic: str, at_once: int = 1 << 20) -> AIOKafkaConsumer:
    """Return a consumer of all committed records of a topic, outside any group: its assignment is every partition.

    `at_once` is the most bytes that it reads ahead of a partition.
    """
    return AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=at_once,
    )


def change_of(record: "ConsumerRecord[bytes, bytes]", masks: Masks) -> Change | None:
    """Return the change that a record holds; None for one that holds none."""
    data = bytes(record.value or b"")
    try:
        value = loads(data)
        return Change(
            record.partition,
            record.offset,
            value["change_id"],
            value["segment_id"],
            value["profile_id"],
            value["sequence"],
            value["change"],
            value["at"],
            bool({"moved_to", "moved_from"} & value["because"].keys()),
            data,
            record.timestamp,
            masks,
        )
    except (JSONDecodeError, KeyError, TypeError, AttributeError):
        log.error("a record is no segment change; it is left out", partition=record.partition, offset=record.offset)
        return None
