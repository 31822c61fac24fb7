"""Subscriptions: who gets webhooks, and of what. Kept in their topic, known whole to every API process."""

import asyncio
from dataclasses import dataclass
from typing import Self

import structlog
from aiokafka.errors import KafkaError
from standardwebhooks import Webhook
from yarl import URL

from api.delivery.cursor import Positions, positions_of, text_of
from api.delivery.tail import Change
from api.followed import Followed, away
from api.producer import LateProducer
from schemas.codec import SCHEMA_VERSION, JSONDecodeError, dumps, loads
from schemas.errors import Problem
from schemas.records import SubscriptionRecord
from schemas.settings import Settings

log = structlog.get_logger(__name__)

MOST = 1_000
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Subscription:
    """One receiver. `after` is where its deliveries begin."""

    id: str
    url: URL
    segments: frozenset[str] | None
    include_moves: bool
    consent: str | None
    secret: str
    after: Positions
    created_at: str
    signer: Webhook

    def wants(self, change: Change) -> bool:
        """Tell whether the receiver asked for this change, as far as the change itself tells."""
        return (self.segments is None or change.segment_id in self.segments) and (
            self.include_moves or not change.moved
        )

    @classmethod
    def of(cls, record: SubscriptionRecord) -> Self:
        """Return the subscription of a record. Raises `KeyError`, `ValueError` or `Problem` for what is none."""
        return cls(
            record["subscription_id"],
            URL(record["url"]),
            None if record["segments"] is None else frozenset(record["segments"]),
            record["include_moves"],
            record["consent"],
            record["secret"],
            positions_of(record["after"]),
            record["created_at"],
            Webhook(record["secret"]),
        )

    def record(self) -> SubscriptionRecord:
        """Return the record that publishes it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "subscription_id": self.id,
            "url": str(self.url),
            "segments": None if self.segments is None else sorted(self.segments),
            "include_moves": self.include_moves,
            "consent": self.consent,
            "secret": self.secret,
            "after": text_of(self.after),
            "created_at": self.created_at,
        }


class Subscriptions:
    """All subscriptions, as of the end of the topic. `changed` is set whenever one comes or goes."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.subscriptions
        self._log = Followed(settings.bootstrap, self._topic, self._take)
        self._producer = LateProducer(settings.bootstrap)
        self.known: dict[str, Subscription] = {}
        self.changed = asyncio.Event()

    async def start(self) -> None:
        """Begin to follow the topic; Kafka may come later."""
        await self._log.start()

    async def stop(self) -> None:
        """Stop following and writing."""
        await self._log.stop()
        await self._producer.stop()

    async def newest(self) -> dict[str, Subscription]:
        """Return the subscriptions as of now, by id. Raises `Problem` (unavailable) without Kafka."""
        await self._log.catch_up()
        return self.known

    async def add(self, subscription: Subscription) -> None:
        """Publish a subscription. Raises `Problem` (unavailable, or limit-exceeded when there are too many)."""
        if len(await self.newest()) >= MOST:
            raise Problem("limit-exceeded", f"There are {MOST:,} subscriptions, the most.", limit="subscriptions")
        await self._publish(subscription.id, dumps(subscription.record()))

    async def remove(self, id_: str) -> None:
        """Delete a subscription: nothing more is delivered. Raises `Problem` (unavailable) without Kafka."""
        await self._publish(id_, None)

    async def _publish(self, id_: str, value: bytes | None) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                producer = await self._producer.connected()
                sent = await producer.send_and_wait(self._topic, value, key=id_.encode(), partition=0)
        except (KafkaError, TimeoutError) as error:
            raise away() from error
        await self._log.reach(sent.offset + 1)

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        id_ = (key or b"").decode("utf-8", "replace")
        if value is None:
            self.known.pop(id_, None)
        else:
            try:
                self.known[id_] = Subscription.of(loads(value))
            except (JSONDecodeError, KeyError, TypeError, ValueError, Problem):
                log.error("a record of the subscriptions' topic is no subscription; it is left out", id=id_)
                return
        self.changed.set()
