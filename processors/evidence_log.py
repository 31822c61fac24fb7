"""The evidence log read again from any place: what the identity writer asks when its policy changes."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from threading import Lock
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import KithError
from schemas.settings import Settings

log = structlog.get_logger()

_AGAIN_S: Final = 2.0
_PATIENCE_S: Final = 15.0
_POLL_S: Final = 0.1
_BATCH: Final = 500
# One piece of the log: what takes the writer some tenths of a second to fold.
_MOST_RECORDS: Final = 2_000
_MOST_BYTES: Final = 1 << 20
_END: Final = 1 << 62


class EvidenceLog:
    """Reads committed records of `identity.evidence`; the archive of the identity writer's unit."""

    def __init__(self, settings: Settings) -> None:
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.evidence
        self._reading: Generator[tuple[int, bytes]] | None = None
        self._position = 0
        self._lock = Lock()

    async def known(self, partition: int, old: Sequence[tuple[str, str, str, int]]) -> dict[str, bytes]:
        """Return nothing: evidence is no event, and never old."""
        return {}

    async def events(self, partition: int, job: Mapping[str, Any]) -> list[bytes]:
        """Return the offset up to which was read, as text, and the records from offset `from` on.

        At most those before `until`, fewer where that is much; asks until Kafka has answered.
        """
        while True:
            try:
                return await asyncio.to_thread(self._some, job["from"], job["until"])
            except KafkaException as error:
                log.error("the evidence log cannot be read; it is tried again", offset=job["from"], exc_info=error)
                await asyncio.sleep(_AGAIN_S)

    def _some(self, start: int, stop: int) -> list[bytes]:
        """Read on where the last piece ended: a change of policy reads the whole log piece by piece."""
        # A unit that was dropped while it asked leaves a thread behind that may still be reading.
        with self._lock:
            try:
                return self._read_on(start, stop)
            except KafkaException:
                self._leave_off()
                raise

    def _read_on(self, start: int, stop: int) -> list[bytes]:
        if start >= stop:
            self._leave_off()
            return [b"%d" % stop]
        if self._reading is None or self._position != start:
            self._leave_off()
            self._reading = self.records(start, _END)
        found: list[bytes] = []
        size, position = 0, stop
        for offset, value in self._reading:
            if offset >= stop:
                # It will be asked for when the writer has come so far with what is in force.
                self._leave_off()
                break
            found.append(value)
            size += len(value)
            if size >= _MOST_BYTES or len(found) == _MOST_RECORDS or offset == stop - 1:
                position = offset + 1
                break
        else:
            self._reading = None
        self._position = position
        return [b"%d" % position, *found]

    def _leave_off(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def ends(self) -> tuple[int, int]:
        """Return the offset of the first record and that behind the last. Raises `KithError` without Kafka."""
        consumer = self._consumer()
        try:
            return consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=_PATIENCE_S)
        except KafkaException as error:
            raise KithError(f"Kafka at {self._bootstrap} does not answer: see `kith status`.") from error
        finally:
            consumer.close()

    def records(self, start: int, stop: int) -> Generator[tuple[int, bytes]]:
        """Yield the committed records with start <= offset < stop, in order, each with its offset.

        Raises `KafkaException`, also where the log does not reach back to `start` any more.
        """
        consumer = self._consumer()
        try:
            consumer.assign([TopicPartition(self._topic, 0, start)])
            while True:
                for message in consumer.consume(_BATCH, timeout=_POLL_S):
                    error = message.error()
                    if error is not None:
                        if error.code() == KafkaError._PARTITION_EOF:
                            return
                        raise KafkaException(error)
                    offset, value = message.offset(), message.value()
                    if offset is None or offset >= stop:
                        return
                    if value is not None:
                        yield offset, value
                    if offset == stop - 1:
                        return
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "kith-evidence",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 50,
                "log_level": 3,
            }
        )
