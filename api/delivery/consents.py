"""Whose changes a subscription with a purpose gets: those of people who have granted it at the moment of delivery.

Who entered while it was granted and withdrew it since is still delivered the exit: the receiver holds them in its list,
and would else keep them there.
"""

import asyncio
from collections.abc import Collection, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from api.clickhouse import ClickHouse
from api.delivery.tail import Change
from api.profiles import Profiles
from processors.profile import consent
from schemas.codec import loads
from schemas.settings import Settings
from schemas.times import to_millis

_LOOK_S = 0.05
_DECIDED = """\
SELECT toString(profile_id), JSONExtractBool(raw, 'consent', {purpose:String}, 'granted')
FROM profile_states FINAL
WHERE profile_id IN {ids:Array(UUID)} AND NOT deleted AND JSONHas(raw, 'consent', {purpose:String})"""
_ENTERED = """\
SELECT toUnixTimestamp64Milli(at) FROM segment_changes
WHERE segment_id = {segment:String} AND profile_id = {profile:UUID} AND sequence = {sequence:UInt64} LIMIT 1"""
_CONSENTING = """\
SELECT raw FROM events_of(profile_id = {owner:UUID})
WHERE occurred_at <= fromUnixTimestamp64Milli({at:Int64}) AND position(raw, 'consent') > 0"""


class Consents:
    """Asks ClickHouse, once it holds every profile that was published before the question."""

    def __init__(self, settings: Settings, clickhouse: ClickHouse) -> None:
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.profiles
        self._group = f"{settings.topic_prefix}projector"
        self._partitions = [TopicPartition(self._topic, number) for number in range(settings.partitions)]
        self._clickhouse = clickhouse
        self._profiles = Profiles(clickhouse)
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Do nothing: the first question connects."""

    async def stop(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def allowed(self, purpose: str, changes: Sequence[Change]) -> set[str]:
        """Return the ids of the changes that may be delivered now, of changes that have been published.

        A profile and its change are published together; ClickHouse may have the one and not yet the other, so this
        waits for it. Raises `KafkaError`, `ClickHouseError` or `Problem` when it cannot be told.
        """
        if not changes:
            return set()
        await self._projected()
        owners = await self._profiles.owners([change.profile_id for change in changes])
        decided = {
            profile_id: bool(granted)
            for profile_id, granted in await self._clickhouse.rows(
                _DECIDED, {"purpose": purpose, "ids": sorted(set(owners.values()))}
            )
        }
        found = set()
        for change in changes:
            granted = decided.get(owners[change.profile_id])
            if granted or (granted is False and await self._withdrawn(purpose, change, owners[change.profile_id])):
                found.add(change.change_id)
        return found

    async def _withdrawn(self, purpose: str, change: Change, owner: str) -> bool:
        """Tell whether this is the exit of somebody who had granted the purpose when they entered."""
        if change.change != "exited":
            return False
        entry = {"segment": change.segment_id, "profile": change.profile_id, "sequence": change.sequence - 1}
        rows = await self._clickhouse.rows(_ENTERED, entry)
        if not rows:
            return False
        decisions: consent.Decisions = {}
        for (raw,) in await self._clickhouse.rows(_CONSENTING, {"owner": owner, "at": int(rows[0][0])}):
            event = loads(raw)
            consent.add(decisions, event, to_millis(event["occurred_at"]))
        return bool(consent.shown(decisions).get(purpose, {}).get("granted"))

    async def _projected(self) -> None:
        """Return when the projector has committed everything that the profiles' log holds now."""
        async with self._turn:
            consumer = await self._connected()
            ends = await consumer.end_offsets(self._partitions)
            behind: Collection[TopicPartition] = [place for place, end in ends.items() if end]
            while behind:
                committed = {place: await consumer.committed(place) for place in behind}
                behind = [place for place, at in committed.items() if at is None or at < ends[place]]
                if behind:
                    await asyncio.sleep(_LOOK_S)

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            # Never subscribes, so it is no member of the group; it only asks how far the group is.
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                group_id=self._group,
                isolation_level="read_committed",
                enable_auto_commit=False,
            )
            try:
                await consumer.start()
            except KafkaError:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer
