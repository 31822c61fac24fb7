"""Waiting until everything that the log holds has been folded, or projected, as the groups' committed offsets tell.

Folding an event may put other records into the log (evidence, assignments, fragments), so the ends are taken anew as
often as the longest chain of them is; two equal looks in a row mean that nothing is on its way.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.settings import Settings

log = structlog.get_logger()
T = TypeVar("T")
# event → order's unit → customer's seed → evidence → assignment → old owner → new owner → profile.
LONGEST_CHAIN = 8
_POLL_S = 0.1
_TIMEOUT_S = 10
_LONGEST_WAIT_S = 5.0

Ends = dict[tuple[str, int], int]


class Barrier:
    """Asks Kafka, through connections that join no group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._readers: dict[str, Consumer] = {}

    async def folded(self) -> None:
        """Return when the workers have folded what the log holds now, with all that follows from it."""
        topics = self._settings.topics
        inputs = [(topic, number) for topic in topics.partition_inputs() for number in range(self._settings.partitions)]
        inputs.append((topics.evidence, 0))
        before: Ends | None = None
        for _ in range(LONGEST_CHAIN):
            ends, waited = await self._reach("worker", inputs)
            if ends == before and not waited:
                return
            before = ends

    async def projected(self) -> None:
        """Return when the projector has inserted what the log holds now."""
        topics = self._settings.topics
        many = [*topics.events.values(), topics.assignments, topics.decisions, topics.profiles, topics.orders]
        many += [topics.changes, topics.rejected]
        partitions = range(self._settings.partitions)
        await self._reach("projector", [(topic, number) for topic in many for number in partitions])

    async def _reach(self, stage: str, inputs: list[tuple[str, int]]) -> tuple[Ends, bool]:
        """Wait until a stage has committed the present ends; return them, and whether it had not."""
        ends: Ends = await _insist(lambda: self._ends(stage, inputs))
        waited = False
        while await _insist(lambda: self._is_behind(stage, ends)):
            waited = True
            await asyncio.sleep(_POLL_S)
        return ends, waited

    def _ends(self, stage: str, inputs: Iterable[tuple[str, int]]) -> Ends:
        reader = self._reader(stage)
        ends = {}
        for topic, number in inputs:
            low, high = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_S)
            if high > low:
                ends[topic, number] = high
        return ends

    def _is_behind(self, stage: str, ends: Ends) -> bool:
        wanted = [TopicPartition(topic, number) for topic, number in ends]
        if not wanted:
            return False
        committed = self._reader(stage).committed(wanted, timeout=_TIMEOUT_S)
        return any(each.offset < ends[each.topic, each.partition] for each in committed)

    def _reader(self, stage: str) -> Consumer:
        reader = self._readers.get(stage)
        if reader is None:
            group = f"{self._settings.topic_prefix}{stage}"
            reader = Consumer({"bootstrap.servers": self._settings.bootstrap, "group.id": group, "log_level": 3})
            self._readers[stage] = reader
        return reader


async def _insist(ask: Callable[[], T]) -> T:
    """Return what Kafka answers, however long it is away."""
    wait = _POLL_S
    while True:
        try:
            return await asyncio.to_thread(ask)
        except KafkaException as error:
            log.warning("Kafka does not say how far the readers are; asking again", error=str(error), in_s=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)
