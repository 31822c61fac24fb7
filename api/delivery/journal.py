"""What deliveries write down: `segments.deliveries`, read back by whoever owns a subscription next."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from api.delivery.cursor import Positions, positions_of, text_of
from api.delivery.queue import Delivery, Place
from api.producer import LateProducer
from schemas.codec import SCHEMA_VERSION, dumps, loads
from schemas.partitioner import partition_of
from schemas.records import DeliveryRecord, ReachedRecord
from schemas.settings import Settings
from schemas.times import to_iso, to_millis


@dataclass(slots=True)
class Kept:
    """What is known of one subscription; `positions` None: nothing was written yet."""

    positions: Positions | None = None
    waiting: dict[Place, Delivery] = field(default_factory=dict)
    dead: dict[Place, None] = field(default_factory=dict)


class Journal:
    """Writes to the topic; who has written a thing before a position is never behind it."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.deliveries
        self._partitions = settings.partitions
        self._producer = LateProducer(settings.bootstrap)

    async def start(self) -> None:
        """Do nothing: the first record connects."""

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def write(self, subscription_id: str, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Append records, in this order, to the partition of the subscription. Raises `KafkaError`."""
        producer = await self._producer.connected()
        partition = self.partition(subscription_id)
        sent = [await producer.send(self._topic, value, key=key, partition=partition) for key, value in records]
        await asyncio.gather(*sent)

    def partition(self, subscription_id: str) -> int:
        """Return the partition that holds what is written about a subscription."""
        return partition_of(subscription_id, self._partitions)


def delivery_key(subscription_id: str, place: Place) -> bytes:
    """Return the key of a delivery's record."""
    return f"{subscription_id}/{place[0]}-{place[1]}".encode()


def reached(subscription_id: str, positions: Positions) -> tuple[bytes, bytes]:
    """Return the record that says how far a subscription has come."""
    record: ReachedRecord = {
        "schema_version": SCHEMA_VERSION,
        "subscription_id": subscription_id,
        "after": text_of(positions),
    }
    return subscription_id.encode(), dumps(record)


def written(
    subscription_id: str, place: Place, delivery: Delivery | None, replay: bool = False
) -> tuple[bytes, bytes | None]:
    """Return the record of a delivery that waits or is dead; None removes it."""
    key = delivery_key(subscription_id, place)
    if delivery is None:
        return key, None
    record: DeliveryRecord = {
        "schema_version": SCHEMA_VERSION,
        "subscription_id": subscription_id,
        "partition": place[0],
        "offset": place[1],
        "webhook_id": delivery.webhook_id,
        "segment_id": delivery.segment_id,
        "profile_id": delivery.profile_id,
        "sequence": delivery.sequence,
        "state": "dead" if delivery.dead else "waiting",
        "attempts": delivery.attempts,
        "error": delivery.error,
        "at": to_iso(delivery.at),
        "due": None if delivery.due is None else to_iso(delivery.due),
        "replay": replay,
    }
    return key, dumps(record)


def read_back(kept: dict[str, Kept], key: bytes, value: bytes | None) -> None:
    """Take a record, later ones after earlier ones. Raises `ValueError`, `KeyError` or `Problem` for what is none."""
    subscription, slash, at = key.decode().partition("/")
    known = kept.setdefault(subscription, Kept())
    if not slash:
        known.positions = None if value is None else positions_of(loads(value)["after"])
    else:
        partition, _, offset = at.partition("-")
        place = (int(partition), int(offset))
        known.waiting.pop(place, None)
        known.dead.pop(place, None)
        if value is not None:
            record: DeliveryRecord = loads(value)
            if record["state"] == "dead":
                known.dead[place] = None
            else:
                known.waiting[place] = delivery_of(record)
    if known.positions is None and not known.waiting and not known.dead:
        del kept[subscription]


def delivery_of(record: DeliveryRecord) -> Delivery:
    """Return the waiting delivery of a record."""
    return Delivery(
        (record["partition"], record["offset"]),
        record["webhook_id"],
        record["segment_id"],
        record["profile_id"],
        record["sequence"],
        attempts=record["attempts"],
        error=record["error"],
        at=to_millis(record["at"]),
        due=None if record["due"] is None else to_millis(record["due"]),
        waiting=True,
    )
