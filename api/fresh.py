"""Read your writes: waiting until an event, and all that follows from it, is in what ClickHouse answers.

The event is found in the archive, which names its place in the log. Then the workers have to have folded everything up
to there and what that led to (evidence, assignments, fragments), and the projector what they published: both say so by
their groups' committed offsets.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from api.clickhouse import ClickHouse
from schemas.errors import Problem
from schemas.identifier import event_id_of
from schemas.settings import Settings

PATIENCE_S = 10.0
_POLL_S = 0.05
_SOURCES = "SELECT DISTINCT source FROM events"
_PLACES = "SELECT topic, partition, offset FROM events WHERE event_id IN {ids:Array(UUID)}"
# evidence → assignment → old owner → new owner → profile, and an order's way through two more units.
_LONGEST_CHAIN = 7

Ends = dict[TopicPartition, int]


class Fresh:
    """Asks Kafka how far everybody is; connects when it is first needed."""

    def __init__(self, settings: Settings, clickhouse: ClickHouse) -> None:
        self._settings = settings
        self._clickhouse = clickhouse
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        self._connecting = asyncio.Lock()

    async def start(self) -> None:
        """Do nothing: the first request connects."""

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()

    async def wait(self, after: str | None) -> None:
        """Return when the event with this event id or message id is in every answer; at once without one.

        Raises `Problem` (not-yet) when it is not there within `PATIENCE_S`, `Problem` (unavailable) without Kafka.
        """
        if after is None:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._follow(await self._place_of(after))
        except TimeoutError:
            raise Problem(
                "not-yet",
                f"{after[:100]} is not in the answer after {PATIENCE_S:.0f} s: it may still come, or was not accepted "
                "(GET /v1/dead-letters says). Ask again, or without `after`.",
            ) from None
        except KafkaError as error:
            raise Problem("unavailable", "Kafka does not answer; try again in a moment.") from error

    async def _place_of(self, after: str) -> Ends:
        """Return the position behind the event, once the archive has it."""
        while True:
            sources = await self._clickhouse.rows(_SOURCES)
            ids = [event_id_of(source, after) for (source,) in sources]
            if (named := _uuid(after)) is not None:
                ids.append(named)
            rows = await self._clickhouse.rows(_PLACES, {"ids": ids}) if ids else []
            if rows:
                return {TopicPartition(topic, int(number)): int(offset) + 1 for topic, number, offset in rows}
            await asyncio.sleep(_POLL_S)

    async def _follow(self, place: Ends) -> None:
        topics, partitions = self._settings.topics, range(self._settings.partitions)
        await self._reach("worker", place)
        inner = (topics.assignments, topics.inbox)
        between = [TopicPartition(topic, number) for topic in inner for number in partitions]
        between.append(TopicPartition(topics.evidence, 0))
        before: Ends | None = None
        for _ in range(_LONGEST_CHAIN):
            ends = await self._ends(between)
            waited = await self._reach("worker", ends)
            if ends == before and not waited:
                break
            before = ends
        published = (topics.assignments, topics.profiles, topics.orders, topics.changes)
        await self._reach(
            "projector", await self._ends(TopicPartition(topic, number) for topic in published for number in partitions)
        )

    async def _reach(self, stage: str, wanted: Ends) -> bool:
        """Return when a stage has committed these positions; tell whether it had not at first."""
        _, admin = await self._connected()
        waited = False
        while True:
            found = await admin.list_consumer_group_offsets(f"{self._settings.topic_prefix}{stage}")
            if all(end == 0 or (place in found and found[place].offset >= end) for place, end in wanted.items()):
                return waited
            waited = True
            await asyncio.sleep(_POLL_S)

    async def _ends(self, places: Iterable[TopicPartition]) -> Ends:
        consumer, _ = await self._connected()
        ends: Ends = await consumer.end_offsets(list(places))
        return ends

    async def _connected(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        async with self._connecting:
            bootstrap = self._settings.bootstrap
            if self._consumer is None:
                consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
                await consumer.start()
                self._consumer = consumer
            if self._admin is None:
                admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
                await admin.start()
                self._admin = admin
            return self._consumer, self._admin


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
