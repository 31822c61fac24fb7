"""Events that lost: the archive has another body under their message id, sent for somebody else.

The unit of a seed cannot know what another unit counted. The projector, which keeps each id once, does: it tells the
seed's unit, which takes the event out of what it has folded, and reports it, as units do within one seed.
"""

from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer

from projections.archive import Reader, archived, seeds_held
from projections.batch import Block
from projections.tables import EVENTS
from schemas.codec import SCHEMA_VERSION, dumps, loads
from schemas.errors import REASONS
from schemas.identifier import uuid5_text
from schemas.metrics import counter
from schemas.partitioner import partition_of
from schemas.settings import Settings
from schemas.times import to_iso, to_millis

_REASON = "conflicting_duplicate"
_EVENT_ID, _SEED = EVENTS.names.index("event_id"), EVENTS.names.index("seed")
_ACKNOWLEDGE_S = 30.0


class Lost:
    """Tells the units of events that lost. Connects to Kafka when the first one comes."""

    def __init__(self, settings: Settings, reader: Reader) -> None:
        self._settings = settings
        self._reader = reader
        self._producer: KafkaProducer | None = None

    def report(self, block: Block, new: Block) -> None:
        """Report what of `block` is not in `new` because somebody else's event has its id.

        Returns after Kafka has acknowledged; else raises `KafkaError`. Again is harmless.
        """
        lost = self._lost(block, new)
        if not lost:
            return
        if self._producer is None:
            self._producer = KafkaProducer(bootstrap_servers=self._settings.bootstrap, acks="all")
        topics, sent = self._settings.topics, []
        for record in lost:
            event = loads(record.value or b"")
            seed = event["seed"]
            item = ["lost", event["event_id"], record.topic, record.offset, to_millis(event["received_at"])]
            order = dumps({"schema_version": SCHEMA_VERSION, "to": seed, "items": [item]})
            partition = partition_of(seed, self._settings.partitions)
            sent.append(self._producer.send(topics.inbox, key=seed.encode(), value=order, partition=partition))
            letter = dumps(letter_of(event, record.value or b"", record.timestamp))
            sent.append(self._producer.send(topics.rejected, key=event["source"].encode(), value=letter))
        for future in sent:
            future.get(timeout=_ACKNOWLEDGE_S)
        counter("kith_projector_dead_letters_total").labels("conflicting").inc(len(lost))

    def _lost(self, block: Block, new: Block) -> list[Any]:
        kept = set(map(id, new.records))
        dropped = [pair for pair in zip(block.rows, block.records, strict=True) if id(pair[1]) not in kept]
        if not dropped:
            return []
        winners = {row[_EVENT_ID]: row[_SEED] for row in new.rows}
        asked = [(row[_EVENT_ID], row[_SEED]) for row, _ in dropped if row[_EVENT_ID] not in winners]
        winners |= self._archived(asked)
        return [record for row, record in dropped if winners.get(row[_EVENT_ID], row[_SEED]) != row[_SEED]]

    def _archived(self, asked: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Return the seed that the archive has each of these event ids with, empty if it is none of those asked about.

        What the archive has not (any more) is not in the answer.
        """
        held = seeds_held(self._reader, asked)
        rest = {event_id for event_id, _ in asked} - held.keys()
        return held | (dict.fromkeys(archived(self._reader, sorted(rest)), "") if rest else {})

    def close(self) -> None:
        """Disconnect from Kafka."""
        if self._producer is not None:
            self._producer.close()


def letter_of(event: dict[str, Any], payload: bytes, at: int) -> dict[str, Any]:
    """Return the dead letter of an event that lost: with the id that a unit would give it too."""
    text = payload.decode(errors="replace")
    return {
        "schema_version": SCHEMA_VERSION,
        "id": uuid5_text(f"dead-letter:{event['source']}:{_REASON}:{text}"),
        "source": event["source"],
        "reason": _REASON,
        "message": f"Message {event['message_id']!r} came again with another body. {REASONS[_REASON]}",
        "at": to_iso(at),
        "payload": text,
    }
