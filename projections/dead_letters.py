"""Records of the log that cannot be projected, kept as dead letters; each record always as the same one."""

from collections.abc import Iterable

from kafka import KafkaProducer

from projections.batch import Refused
from projections.rows import Record
from schemas.codec import SCHEMA_VERSION, dumps
from schemas.identifier import uuid5_text
from schemas.metrics import counter
from schemas.records import DeadLetter
from schemas.settings import Settings
from schemas.times import to_iso

SOURCE = "projector"
_ACKNOWLEDGE_S = 30.0


def dead_letter(refused: Refused) -> DeadLetter:
    """Return the dead letter of a record; the same record always has the same id and time."""
    record = refused.record
    place = _place(record)
    return {
        "schema_version": SCHEMA_VERSION,
        "id": uuid5_text(f"{SOURCE}:{place}"),
        "source": SOURCE,
        "reason": "undecodable",
        "message": f"The record {place} cannot be projected: {refused.error}",
        "at": to_iso(record.timestamp),
        "payload": (record.value or b"").decode(errors="replace"),
    }


class DeadLetters:
    """Where refused records go. Connects to Kafka when the first one comes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None

    def send(self, many: Iterable[Refused]) -> None:
        """Keep these records; returns after Kafka has acknowledged all of them, else raises `KafkaError`."""
        letters = [(refused.record.topic, dead_letter(refused)) for refused in many]
        if not letters:
            return
        if self._producer is None:
            self._producer = KafkaProducer(bootstrap_servers=self._settings.bootstrap, acks="all")
        topic = self._settings.topics.rejected
        sent = [self._producer.send(topic, key=SOURCE.encode(), value=dumps(letter)) for _, letter in letters]
        for future in sent:
            future.get(timeout=_ACKNOWLEDGE_S)
        for origin, _ in letters:
            counter("kith_projector_dead_letters_total").labels(origin).inc()

    def close(self) -> None:
        """Disconnect from Kafka."""
        if self._producer is not None:
            self._producer.close()


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}@{record.offset}"
