"""The log read from one offset to another, without a group: what a rebuild reads.

Read with confluent-kafka, which takes a fifth of kafka-python's time per record and here needs none of its group.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from projections.archive import Positions
from schemas.errors import KithError
from schemas.settings import Settings

# One partition's records that are read ahead: together with a batch this bounds the memory.
_AHEAD_KBYTES = 32 << 10
_AT_ONCE = 2000
_ANSWER_S = 30.0
_SILENCE_S = 60.0
_TOGETHER_S = 0.01

Place = tuple[str, int]


# Not frozen: that would take three times as long to make one.
@dataclass(slots=True)
class Record:
    """One record; `timestamp` is in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Log:
    """Committed records of the log. Every method raises `KithError` when Kafka does not answer."""

    def __init__(self, settings: Settings) -> None:
        servers: dict[str, Any] = {"bootstrap.servers": settings.bootstrap, "log_level": 0}
        self._admin = AdminClient(servers)
        self._consumer = Consumer(
            {
                **servers,
                # Has to have a name; it is never joined and nothing is committed.
                "group.id": f"{settings.topic_prefix}rebuild",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": _AHEAD_KBYTES,
                "fetch.wait.max.ms": 20,
                # How soon it asks for more after it had enough: a second, if not told otherwise.
                "fetch.queue.backoff.ms": 10,
            }
        )

    def partitions(self, topics: Iterable[str]) -> list[Place]:
        """Return every partition of these topics, in order."""
        try:
            known = self._admin.list_topics(timeout=_ANSWER_S).topics
        except KafkaException as error:
            raise _away(error) from error
        wanted = set(topics)
        missing = sorted(wanted - known.keys())
        if missing:
            raise KithError(f"There is no topic {', '.join(missing)}: `kith topics` creates what is missing.")
        return [(topic, partition) for topic in sorted(wanted) for partition in sorted(known[topic].partitions)]

    def starts(self, places: Iterable[Place]) -> Positions:
        """Return the first offset that each partition still has."""
        return self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def ends(self, places: Iterable[Place]) -> Positions:
        """Return the offset after the last committed record of each partition."""
        return self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def committed(self, group: str) -> tuple[Positions, bool]:
        """Return how far a group has come, and whether it has a member that reads on."""
        try:
            members = self._admin.describe_consumer_groups([group])[group].result(_ANSWER_S).members
            found = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
            positions = {(at.topic, at.partition): at.offset for at in found.result(_ANSWER_S).topic_partitions}
            return positions, bool(members)
        except KafkaException as error:
            raise _away(error) from error

    def read(self, starts: Positions, ends: Positions) -> Iterator[list[Record]]:
        """Yield each partition's records with start <= offset < end, in small lists; in order within a partition."""
        left = {place: end for place, end in ends.items() if starts[place] < end}
        if not left:
            return
        self._consumer.assign([TopicPartition(*place, starts[place]) for place in left])
        try:
            yield from self._until(left)
        finally:
            self._consumer.unassign()

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _until(self, left: Positions) -> Iterator[list[Record]]:
        heard = time.monotonic()
        while left:
            # Waits until there are that many, or for this long.
            messages = self._consumer.consume(_AT_ONCE, _TOGETHER_S)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE_S:
                names = ", ".join(sorted({topic for topic, _ in left}))
                raise KithError(f"Kafka sent nothing of {names} for {_SILENCE_S:.0f} s: `kith status` says more.")
            found = []
            for message in messages:
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise _away(error)
                place, offset = _place(message)
                end = left.get(place, 0)
                if error is None and offset < end:
                    found.append(_record(message))
                if offset + (error is None) >= end:
                    left.pop(place, None)
            if found:
                yield found

    def _offsets(self, places: Iterable[Place], spec: OffsetSpec) -> Positions:
        wanted = {TopicPartition(*place): spec for place in places}
        if not wanted:
            return {}
        try:
            futures = self._admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED)
            return {(at.topic, at.partition): future.result(_ANSWER_S).offset for at, future in futures.items()}
        except KafkaException as error:
            raise _away(error) from error


def _place(message: Any) -> tuple[Place, int]:
    return (message.topic(), message.partition()), message.offset()


def _record(message: Any) -> Record:
    _, timestamp = message.timestamp()
    return Record(message.topic(), message.partition(), message.offset(), timestamp, message.key(), message.value())


def _away(error: Any) -> KithError:
    return KithError(f"Kafka does not answer ({error}): `kith status` and `kith logs kafka` say more.")
