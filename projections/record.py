"""A record as confluent-kafka reads it, which takes a fifth of kafka-python's time per record."""

from dataclasses import dataclass
from typing import Any

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


def record_of(message: Any) -> Record:
    """Return the record of a message that is no error."""
    _, timestamp = message.timestamp()
    return Record(message.topic(), message.partition(), message.offset(), timestamp, message.key(), message.value())


def place_of(message: Any) -> Place:
    """Return the partition that a message, or what it says of a partition, is about."""
    return message.topic(), message.partition()
