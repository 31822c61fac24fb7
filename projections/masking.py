"""Records of the log as the masks let them be seen: what was published about an erased person becomes no row again.

The masks are read from `privacy.requests` before the first batch, and again before each that holds something they may
be about. Without any, records pass as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition

from processors.erasure.masks import Masks
from processors.identity.normalise import normalise
from projections.rows import Record
from schemas.codec import JSONDecodeError, dumps, loads
from schemas.identifier import Identifier
from schemas.privacy import PROFILE_ID
from schemas.settings import Settings
from schemas.times import to_millis
from schemas.topics import Topics

# Types under which a text in a rejected payload may be somebody's.
_IN_TEXT = ("user_id", "email", "anonymous_id", "phone", "loyalty_id")
# More texts than this are looked at in no payload: a letter has at most a megabyte, but hashing takes time.
_MOST_TEXTS = 2000


@dataclass(slots=True)
class Scrubbed:
    """A record whose value is another than the log's."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Known(Protocol):
    """The requests that are known; `refresh` asks for more."""

    masks: Masks

    def refresh(self) -> None:
        """Take in everything that there is now."""


class Masking:
    """What each topic's records are about, and whether that is hidden."""

    def __init__(self, requests: Known, topics: Topics) -> None:
        self._requests = requests
        self.masks = requests.masks
        self._see: dict[str, Callable[[Any, Record], Any]] = {
            **dict.fromkeys(topics.events.values(), self._event),
            topics.assignments: self._assignment,
            topics.profiles: self._profile,
            topics.orders: self._order,
            topics.changes: self._profile,
            topics.decisions: self._decision,
            topics.rejected: self._letter,
        }

    def refresh(self) -> None:
        """Take in all requests that there are. Raises `KafkaError` when Kafka does not say."""
        self._requests.refresh()

    def seen_now(self, records: Sequence[Record]) -> Sequence[Record]:
        """Do as `seen`, after all requests that there are. Raises `KafkaError` when Kafka does not say."""
        if any(record.topic in self._see for record in records):
            self._requests.refresh()
        return self.seen(records)

    def seen(self, records: Sequence[Record]) -> Sequence[Record]:
        """Return the records without those that are hidden, in their order; a tombstone is never hidden."""
        until = self.masks.until
        if until < 0:
            return records
        shown = []
        for record in records:
            see = self._see.get(record.topic)
            if see is None or record.value is None or record.timestamp > until:
                shown.append(record)
            elif (found := self._look(see, record)) is not None:
                shown.append(found)
        return shown

    def _look(self, see: Callable[[Any, Record], Any], record: Record) -> Record | None:
        try:
            value = loads(record.value or b"")
            found = see(value, record)
        except (JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            # Whoever makes rows of it says what is wrong with it.
            return record
        if found is value:
            return record
        if found is None:
            return None
        return Scrubbed(record.topic, record.partition, record.offset, record.timestamp, record.key, dumps(found))

    def _event(self, event: Any, _: Record) -> Any:
        return self.masks.apply(event, to_millis(event["occurred_at"]), to_millis(event["received_at"]))

    def _unless(self, value: Any, record: Record, *named: Identifier) -> Any:
        hidden = any(self.masks.hides_published(identifier, record.timestamp) for identifier in named)
        return None if hidden else value

    def _profile(self, value: Any, record: Record) -> Any:
        return self._unless(value, record, Identifier(PROFILE_ID, value["profile_id"]))

    def _order(self, order: Any, record: Record) -> Any:
        return self._unless(order, record, Identifier(f"order:{order['store']}", order["order_id"]))

    def _assignment(self, slice_: Any, record: Record) -> Any:
        if slice_["profile_id"] is None:
            return slice_
        return self._unless(slice_, record, Identifier(slice_["type"], slice_["value"]))

    def _decision(self, decision: Any, record: Record) -> Any:
        named = [each for each in (decision["a"], decision["b"]) if each]
        return self._unless(decision, record, *(Identifier(each["type"], each["value"]) for each in named))

    def _letter(self, letter: Any, record: Record) -> Any:
        texts = list(dict.fromkeys(_texts(loads(letter["payload"]))))[:_MOST_TEXTS]
        named = (normalise(type_, text) for text in texts for type_ in _IN_TEXT)
        return self._unless(letter, record, *(each for each in named if each is not None))


def _texts(value: Any) -> list[str]:
    """Return every text in a JSON value, and numbers as text."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    if isinstance(value, list):
        return [text for member in value for text in _texts(member)]
    return [str(value)] if isinstance(value, int) and not isinstance(value, bool) else []


class Requests:
    """Reads `privacy.requests` into masks, without a group. Not for use by several threads."""

    def __init__(self, settings: Settings) -> None:
        self.masks = Masks(settings.privacy_key.get_secret_value().encode())
        self._place = TopicPartition(settings.topics.privacy, 0)
        self._consumer = KafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,
        )
        self._consumer.assign([self._place])
        self._consumer.seek_to_beginning(self._place)

    def refresh(self) -> None:
        """Take in everything that the topic holds now. Raises `KafkaError` when Kafka does not answer."""
        end = self._consumer.end_offsets([self._place])[self._place]
        while self._consumer.position(self._place) < end:
            for records in self._consumer.poll(timeout_ms=100).values():
                for record in records:
                    if record.value is not None:
                        self.masks.take(loads(record.value))

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()
