"""Who is kept out: followed from `privacy.requests`, so that nothing about a suppressed person reaches the log.

What comes in before this process has heard of a request is left out by whoever reads the log, so a collector serves
without waiting for it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from processors.erasure.masks import Masks
from schemas.codec import JSONDecodeError, loads
from schemas.identifier import Identifier
from schemas.settings import Settings

log = structlog.get_logger(__name__)

_RETRY_S = 1.0


class Suppression:
    """The identifiers of suppressed people, as keyed hashes; without settings there is no log to follow, and nobody."""

    def __init__(self, settings: Settings | None) -> None:
        self._settings = settings
        self.masks = Masks(b"" if settings is None else settings.privacy_key.get_secret_value().encode())
        self._following: asyncio.Task[None] | None = None

    def keeps_out(self, event: Mapping[str, Any]) -> bool:
        """Tell whether an event carries an identifier of somebody who is suppressed."""
        masks = self.masks
        if not masks.suppresses:
            return False
        return masks.keeps_out(Identifier(each["type"], each["value"]) for each in event["identifiers"])

    async def start(self) -> None:
        """Begin to follow the topic; Kafka may come later."""
        if self._settings is not None:
            self._following = asyncio.create_task(self._follow_for_ever(self._settings))

    async def stop(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def _follow_for_ever(self, settings: Settings) -> None:
        while True:
            try:
                await self._follow(settings)
            except KafkaError as error:
                log.warning("privacy requests not followed yet", error=type(error).__name__, retry_s=_RETRY_S)
            await asyncio.sleep(_RETRY_S)

    async def _follow(self, settings: Settings) -> None:
        place = TopicPartition(settings.topics.privacy, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        try:
            await consumer.start()
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            async for record in consumer:
                try:
                    self.masks.take(loads(record.value or b""))
                except (JSONDecodeError, KeyError, TypeError):
                    log.error("a record of the privacy topic cannot be read; it is left out", offset=record.offset)
        finally:
            await consumer.stop()
