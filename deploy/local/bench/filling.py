"""Canonical events straight into the log: what the collector would have written, without waiting for HTTP."""

import time
import uuid
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from deploy.local.bench.shop import Sent
from ingest.canonical import Reception, Rejection, canonical
from schemas.codec import dumps
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.source import Source
from schemas.times import to_iso

_SOURCE = Source(name="bench", kind="tracking", write_keys=("bench",))
# From a visitor's browser to the collector.
_UNDERWAY_MS = 40
_FLUSH_S = 60.0


class Filled(NamedTuple):
    """One record for an event topic."""

    channel: str
    seed: str
    value: bytes


def records(sent: Iterable[Sent], opened: int) -> Iterator[Filled]:
    """Return the records of messages sent by a shop that opened at `opened` (ms since 1970).

    Raises `KithError` when the collector would not take one.
    """
    for at, message in sent:
        when = opened + at
        event = canonical({**message, "timestamp": to_iso(when)}, Reception(_SOURCE, when + _UNDERWAY_MS))
        if isinstance(event, Rejection):
            raise KithError(f"The bench made an event that is none: {event.message}")
        yield Filled(event["channel"], event["seed"], dumps(event))


class Filler:
    """Writes records to the event topics in one transaction: readers see none of them before `release`.

    So that what reads them can be started first and the time be taken from the moment at which there is work. The
    transaction is given up by Kafka after a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self._topics = settings.topics.events
        self._failure: KafkaError | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "partitioner": "murmur2_random",
                "transactional.id": f"{settings.topic_prefix}bench-{uuid.uuid4().hex[:8]}",
                "transaction.timeout.ms": 60_000,
                "linger.ms": 20,
                "queue.buffering.max.kbytes": 256 << 10,
                # Whatever goes wrong is told by the calls below.
                "log_level": 0,
            }
        )
        self._producer.init_transactions(_FLUSH_S)
        self._producer.begin_transaction()

    def write(self, filled: Iterable[Filled]) -> int:
        """Write records and return how many they are, once Kafka has them. Raises `KithError` when it does not."""
        count = 0
        for channel, seed, value in filled:
            while True:
                try:
                    self._producer.produce(self._topics[channel], value, seed, on_delivery=self._delivered)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            count += 1
            if not count % 1000:
                self._producer.poll(0)
        if self._producer.flush(_FLUSH_S) or self._failure:
            raise KithError(f"Kafka did not take the bench's events: {self._failure or 'it is too slow'}")
        return count

    def release(self) -> float:
        """Let readers see what was written, and disconnect; return that moment (`time.monotonic`)."""
        self._producer.commit_transaction(_FLUSH_S)
        released = time.monotonic()
        self._producer.close()
        return released

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        self._failure = self._failure or error


def fill(settings: Settings, filled: Iterable[Filled]) -> int:
    """Write records and let readers see them; return how many they are."""
    filler = Filler(settings)
    count = filler.write(filled)
    filler.release()
    return count
