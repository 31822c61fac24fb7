"""The log read from one offset to another, without a group: what a rebuild reads."""

import time
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from projections.archive import Positions
from projections.offsets import NoAnswer, Offsets
from projections.record import Record, place_of, record_of
from schemas.errors import KithError
from schemas.settings import Settings

# Records that are read ahead: together with a batch this bounds the memory.
_AHEAD_KBYTES = 32 << 10
_AT_ONCE = 2000
_SILENCE_S = 60.0
_TOGETHER_S = 0.01


class Log(Offsets):
    """Committed records of the log, and where they are. Every method raises `KithError` when Kafka does not answer."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "log_level": 0,
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
            messages: list[Any] = self._consumer.consume(_AT_ONCE, _TOGETHER_S)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE_S:
                names = ", ".join(sorted({topic for topic, _ in left}))
                raise KithError(f"Kafka sent nothing of {names} for {_SILENCE_S:.0f} s: `kith status` says more.")
            found = []
            for message in messages:
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise NoAnswer(error)
                place, offset = place_of(message), message.offset()
                end = left.get(place, 0)
                if error is None and offset < end:
                    found.append(record_of(message))
                if offset + (error is None) >= end:
                    left.pop(place, None)
            if found:
                yield found
