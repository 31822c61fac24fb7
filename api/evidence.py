"""Operators' decisions on their way into the evidence: published like other evidence, acknowledged before 202."""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from processors.identity.evidence import Item
from schemas.codec import SCHEMA_VERSION, dumps
from schemas.errors import Problem
from schemas.settings import Settings

_PATIENCE_S = 10.0
_KEY = b"operator"


class Evidence:
    """Writes to `identity.evidence`."""

    def __init__(self, settings: Settings) -> None:
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.evidence
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Do nothing: the first decision connects, so that the api starts without Kafka."""

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def publish(self, item: Item) -> None:
        """Put a decision into the log. Raises `Problem` (unavailable) when Kafka does not acknowledge it."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                producer = await self._connected()
                value = dumps({"schema_version": SCHEMA_VERSION, "items": [item]})
                await producer.send_and_wait(self._topic, value, key=_KEY, partition=0)
        except (KafkaError, TimeoutError) as error:
            raise Problem("unavailable", "Kafka did not take the decision; try again in a moment.") from error

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
                await producer.start()
                self._producer = producer
            return self._producer
