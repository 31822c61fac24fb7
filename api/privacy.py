"""Privacy requests: written to the log, followed from it, and hidden from every answer until they are finished.

The topic is the truth; each API process holds the requests' states in memory, and the hashes of whom open requests
hide. When a request is finished its person's rows are gone, and nothing is left to hide.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import structlog
from aiokafka.errors import KafkaError

from api.followed import Followed
from api.producer import LateProducer
from processors.erasure.masks import Masks
from schemas.codec import JSONDecodeError, loads
from schemas.errors import Problem
from schemas.identifier import Identifier
from schemas.partitioner import partition_of
from schemas.privacy import PROFILE_ID, Mode, PrivacyRecord, Request, StoreReport, keyed_hash, messages_of
from schemas.settings import Settings

log = structlog.get_logger(__name__)

_PATIENCE_S = 10.0
State = Literal["accepted", "forgetting", "finished"]


@dataclass(slots=True)
class Known:
    """A request as far as the log tells: `hidden` are the hashes of whom it hides, none once it is finished."""

    mode: Mode
    at: str
    state: State = "accepted"
    finished_at: str | None = None
    report: list[StoreReport] = field(default_factory=list)
    hidden: frozenset[str] = frozenset()


class Privacy:
    """All requests, as of the end of the topic."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = settings.privacy_key.get_secret_value().encode()
        self.masks = Masks(self._key)  # of all requests, finished ones too: what the log still has about people
        self._requests: dict[str, Known] = {}
        self._open: dict[str, Known] = {}
        self._log = Followed(settings.bootstrap, settings.topics.privacy, self._take)
        self._producer = LateProducer(settings.bootstrap)

    async def start(self) -> None:
        """Begin to follow the topic; Kafka may come later."""
        await self._log.start()

    async def stop(self) -> None:
        """Stop following and disconnect."""
        await self._log.stop()
        await self._producer.stop()

    @property
    def is_busy(self) -> bool:
        """Tell whether anybody is being forgotten."""
        return bool(self._open)

    def hides(self, identifier: Identifier) -> bool:
        """Tell whether somebody with this identifier is being forgotten now."""
        if not self._open:
            return False
        name = keyed_hash(self._key, identifier)
        return any(name in request.hidden for request in self._open.values())

    def hides_profile(self, profile_id: str) -> bool:
        """Tell whether this profile is being forgotten now."""
        return self.hides(Identifier(PROFILE_ID, profile_id))

    async def request(self, request_id: str) -> Known | None:
        """Return a request, None if there is no such, as of now. Raises `Problem` (unavailable) without Kafka."""
        await self._log.catch_up()
        return self._requests.get(request_id)

    async def ask(self, request: Request, others: list[Identifier]) -> None:
        """Put a request into the log and hide its person: `others` are theirs as far as is known.

        Raises `Problem` (unavailable) when Kafka does not acknowledge it, or no key is set.
        """
        if not self._key:
            raise Problem("unavailable", "No key is set for privacy requests: set KITH_PRIVACY_KEY, once and for ever.")
        settings = self._settings
        try:
            async with asyncio.timeout(_PATIENCE_S):
                producer = await self._producer.connected()
                for topic, key, value in messages_of(request, "api", self._key, settings.topics, others):
                    partition = 0 if topic == settings.topics.privacy else partition_of(key, settings.partitions)
                    sent = await producer.send_and_wait(topic, value, key=key.encode(), partition=partition)
                    if topic == settings.topics.privacy:
                        await self._log.reach(sent.offset + 1)
        except (KafkaError, TimeoutError) as error:
            raise Problem("unavailable", "Kafka did not take the request; try again in a moment.") from error

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        try:
            record: PrivacyRecord = loads(value or b"")
            self.masks.take(record)
            request_id = record["request_id"]
            known = self._requests.setdefault(request_id, Known(record["mode"], record["at"]))
            if known.state == "finished":
                return
            if record["kind"] == "finished":
                known.state, known.finished_at, known.report = "finished", record["finished_at"], record["report"]
                known.hidden = frozenset()
                self._open.pop(request_id, None)
                return
            if record["kind"] == "masked":
                known.state = "forgetting"
            known.hidden |= {each["hash"] for each in record["hidden"] if each["slice"] is None}
            self._open[request_id] = known
        except (JSONDecodeError, KeyError, TypeError):
            log.error("a record of the privacy topic cannot be read; it is left out", key=repr(key))
