"""Operators' decisions on their way into the evidence: published like other evidence, acknowledged before 202.

And what came of the last one about the policy, as the identity writer publishes it.
"""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from api.followed import Followed
from api.producer import LateProducer
from processors.identity.evidence import Item
from schemas.codec import SCHEMA_VERSION, dumps, loads
from schemas.errors import Problem
from schemas.records import PolicyRecord
from schemas.settings import Settings

_PATIENCE_S = 10.0
_KEY = b"operator"


class Evidence:
    """Writes to `identity.evidence`, and follows `identity.policy`."""

    def __init__(self, settings: Settings) -> None:
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.evidence
        self._producer = LateProducer(settings.bootstrap)
        self._followed = Followed(settings.bootstrap, settings.topics.policy, self._take)
        self._policy: PolicyRecord | None = None

    async def start(self) -> None:
        """Begin to follow the policy. The first decision connects the producer, so that the api starts without
        Kafka.
        """
        await self._followed.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._followed.stop()
        await self._producer.stop()

    async def publish(self, item: Item) -> None:
        """Put a decision into the log. Raises `Problem` (unavailable) when Kafka does not acknowledge it."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                producer = await self._producer.connected()
                value = dumps({"schema_version": SCHEMA_VERSION, "items": [item]})
                await producer.send_and_wait(self._topic, value, key=_KEY, partition=0)
        except (KafkaError, TimeoutError) as error:
            raise Problem("unavailable", "Kafka did not take the decision; try again in a moment.") from error

    async def policy(self) -> PolicyRecord | None:
        """Return the policy in force and what is on its way, as of now; None before there was an identity writer.

        Raises `Problem` (unavailable) without Kafka.
        """
        await self._followed.catch_up()
        return self._policy

    async def check_complete(self) -> None:
        """Raise `Problem` (conflict) where the log does not reach back to its beginning; (unavailable) without
        Kafka.
        """
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        place = TopicPartition(self._topic, 0)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await consumer.start()
                first = (await consumer.beginning_offsets([place]))[place]
        except (KafkaError, TimeoutError) as error:
            raise Problem("unavailable", "Kafka does not answer; try again in a moment.") from error
        finally:
            await consumer.stop()
        if first:
            raise Problem(
                "conflict",
                f"{self._topic} begins at offset {first}: what retention has removed cannot be read again. "
                "Only a log that is kept for ever can change its policy.",
            )

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        if value is not None:
            self._policy = loads(value)
