"""What the worker asks ClickHouse: whether an old event was counted before, and what a seed's events were.

The archive may be behind or away; a question then waits, and is asked again. It is never answered from half an archive.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import clickhouse_connect
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer, KafkaException, TopicPartition

from processors.barrier import Barrier
from processors.expunge import Expunge
from processors.partition.duplicates import digest_of
from processors.partition.rollout import JOB
from projections.placement import Placement
from schemas.codec import dumps, loads
from schemas.settings import Settings

log = structlog.get_logger()
T = TypeVar("T")
_LONGEST_WAIT_S = 5.0

_KNOWN = """
SELECT toString(event_id), topic, partition, offset, raw FROM events
WHERE event_id IN {ids:Array(UUID)} AND seed IN {seeds:Array(UUID)}
"""
_EVENTS = """
SELECT raw FROM events WHERE seed = {seed:UUID} AND partition = {partition:UInt32}
AND offset < transform(topic, {topics:Array(String)}, {offsets:Array(UInt64)}, 0)
ORDER BY occurred_at, event_id
"""

_CARRYING = """
SELECT raw FROM events WHERE partition = {partition:UInt32} AND has(identifiers, ({type:String}, {value:String}))
AND occurred_at >= fromUnixTimestamp64Milli({at:Int64})
AND offset < transform(topic, {topics:Array(String)}, {offsets:Array(UInt64)}, 0)
ORDER BY occurred_at, event_id
"""
_OF_PERSON = """
SELECT toString(seed), toString(event_id), toUnixTimestamp64Milli(occurred_at), toUnixTimestamp64Milli(received_at),
    if(channel = 'order' AND received_at > fromUnixTimestamp64Milli({at:Int64}), raw, '')
FROM events WHERE partition = {partition:UInt32}
AND (seed IN {seeds:Array(UUID)}
    OR arrayExists(each -> has({named:Array(String)}, concat(each.1, ':', each.2)), identifiers))
AND offset < transform(topic, {topics:Array(String)}, {offsets:Array(UInt64)}, 0)
ORDER BY occurred_at, event_id
"""
# Ties keep a seed's events together: the next piece begins at the next seed.
_LEAVES = """
SELECT raw FROM events WHERE partition = {partition:UInt32} AND event IN {names:Array(String)} AND seed > {after:UUID}
AND offset < transform(topic, {topics:Array(String)}, {offsets:Array(UInt64)}, 0)
ORDER BY seed LIMIT 3000 WITH TIES
"""


class ClickHouseArchive:
    """The archive as ClickHouse holds it, read through one lazily made client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._group: Consumer | None = None
        self._barrier = Barrier(settings)

    async def known(self, partition: int, old: Sequence[tuple[str, str, str, int]]) -> dict[str, bytes]:
        """Return, by event id, the digests of earlier deliveries of `(seed, event id, topic, offset)`."""
        own = {(event_id, topic, offset) for _, event_id, topic, offset in old}
        parameters = {"ids": [each[1] for each in old], "seeds": sorted({each[0] for each in old})}
        rows = await self._insist(lambda: self._query(_KNOWN, parameters))
        return {
            event_id: digest_of(loads(raw))
            for event_id, topic, at, offset, raw in rows
            if at != partition or (event_id, topic, offset) not in own
        }

    async def events(self, partition: int, job: Mapping[str, Any]) -> list[bytes]:
        """Return the raw events of the job's seed before the job's positions, once the archive has come that far.

        Questions of an erasure are answered as `partition.forget` says.
        """
        if job["kind"] == "settled":
            await self._barrier.folded()
            return []
        if job["kind"] == "expunge":
            await self._barrier.folded()
            await self._barrier.projected()
            return [await self._insist(lambda: self._expunge(job))]
        positions: dict[str, int] = job["positions"]
        while not await self._insist(lambda: self._has(partition, positions)):
            await asyncio.sleep(0.1)
        if job["kind"] == JOB:
            return await self._leaves(partition, job)
        if job["kind"] == "released":
            return await self._carrying(partition, job)
        if job["kind"] == "carrying":
            return await self._of_person(partition, job)
        parameters = {
            "seed": job["seed"],
            "partition": partition,
            "topics": list(positions),
            "offsets": list(positions.values()),
        }
        rows = await self._insist(lambda: self._query(_EVENTS, parameters))
        return [row[0].encode() if isinstance(row[0], str) else row[0] for row in rows]

    async def _leaves(self, partition: int, job: Mapping[str, Any]) -> list[bytes]:
        """Return the next whole seeds' events that the job's event clauses may be about, in the order of their
        seeds.
        """
        parameters = {
            "partition": partition,
            "names": job["names"],
            "after": job["after"] or "00000000-0000-0000-0000-000000000000",
            "topics": list(job["positions"]),
            "offsets": list(job["positions"].values()),
        }
        rows = await self._insist(lambda: self._query(_LEAVES, parameters))
        return [row[0].encode() if isinstance(row[0], str) else row[0] for row in rows]

    async def _carrying(self, partition: int, job: Mapping[str, Any]) -> list[bytes]:
        """Return the events of this partition that carry the job's identifier, since the job's instant."""
        type_, value = job["identifier"]
        parameters = {
            "partition": partition,
            "type": type_,
            "value": value,
            "at": job["at"],
            "topics": list(job["positions"]),
            "offsets": list(job["positions"].values()),
        }
        rows = await self._insist(lambda: self._query(_CARRYING, parameters))
        return [row[0].encode() if isinstance(row[0], str) else row[0] for row in rows]

    async def _of_person(self, partition: int, job: Mapping[str, Any]) -> list[bytes]:
        """Return which events of this partition are an erased person's, or carry an identifier of theirs."""
        rows = job["rows"]
        whole = [row for row in rows if row[3] is None and row[4] is None]
        parameters = {
            "partition": partition,
            "seeds": sorted({row[0].partition("/")[0] for row in rows}),
            "named": [f"{row[1]}:{row[2]}" for row in whole],
            "at": job["request"]["at"],
            "topics": list(job["positions"]),
            "offsets": list(job["positions"].values()),
        }
        found = await self._insist(lambda: self._query(_OF_PERSON, parameters))
        return [dumps(list(row)) for row in found]

    def _expunge(self, job: Mapping[str, Any]) -> bytes:
        return Expunge(self._connected(), Placement.of(self._settings)).run(job)

    async def _insist(self, ask: Callable[[], T]) -> T:
        wait = 0.1
        while True:
            try:
                return await asyncio.to_thread(ask)
            except (ClickHouseError, KafkaException, OSError) as error:
                log.warning("the archive does not answer; asking again", error=type(error).__name__, in_s=wait)
                self._client = None
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT_S)

    def _query(self, sql: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = self._connected().query(sql, parameters=parameters).result_rows
        return rows

    def _connected(self) -> Client:
        if self._client is None:
            settings = self._settings
            self._client = clickhouse_connect.get_client(
                dsn=f"{settings.clickhouse}/{settings.clickhouse_database}",
                username=settings.clickhouse_user,
                password=settings.clickhouse_password.get_secret_value(),
                autogenerate_session_id=False,
                settings=dict(Placement.of(settings).session),
            )
        return self._client

    def _has(self, partition: int, positions: Mapping[str, int]) -> bool:
        """Tell whether the projector has committed, and so archived, everything before the positions."""
        if self._group is None:
            group = f"{self._settings.topic_prefix}projector"
            self._group = Consumer({"bootstrap.servers": self._settings.bootstrap, "group.id": group, "log_level": 3})
        wanted = [TopicPartition(topic, partition) for topic, position in positions.items() if position > 0]
        committed = self._group.committed(wanted, timeout=10)
        return all(each.offset >= positions[each.topic] for each in committed)
