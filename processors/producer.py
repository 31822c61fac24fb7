"""One transactional producer per unit: everything that follows from a batch becomes visible at once, or never.

Blocking calls, made from a thread: librdkafka works outside Python's lock meanwhile.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from processors.partition.effects import Send

# The longest that a dead owner's open transaction can hold back readers of committed records.
TRANSACTION_TIMEOUT_MS = 10_000
_CALL_TIMEOUT_S = 15.0
# Records may hold a whole fragment or many items; the topics are created with the same limit.
MAX_RECORD_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Changelog:
    """Where a unit logs its state: topic and partition of the changelog, and of the log of seen ids, if it has one."""

    state: str
    seen: str | None
    partition: int


class UnitProducer:
    """A producer with the transactional id of one unit. `open` fences whoever had the id before."""

    def __init__(self, bootstrap: str, transactional_id: str, group: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                # The Java client's: every producer of Kith puts a key into the same partition.
                "partitioner": "murmur2_random",
                "linger.ms": 1,
                "batch.size": 1 << 20,
                "message.max.bytes": MAX_RECORD_BYTES,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": 64 << 10,
                "retry.backoff.ms": 5,
                # After a broker's restart librdkafka would bootstrap anew, and `send_offsets_to_transaction` then waits
                # for a coordinator that it has forgotten, past every time-out. Without that it reconnects and goes on.
                "metadata.recovery.strategy": "none",
                "log_level": 3,
            }
        )
        # Only names the group in which offsets are shown; it joins nothing.
        self._group = Consumer({"bootstrap.servers": bootstrap, "group.id": group}).consumer_group_metadata()
        self._failure: KafkaError | None = None
        self._reached: dict[str, int] = {}

    def open(self) -> None:
        """Initialise the transactional id: fence a former owner and end what it left open."""
        self._producer.init_transactions(_CALL_TIMEOUT_S)

    def commit(
        self,
        sends: Iterable[Send],
        log: Changelog,
        state: Iterable[tuple[bytes, bytes | None]],
        seen: bytes,
        offsets: Mapping[tuple[str, int], int],
    ) -> tuple[int | None, int | None]:
        """Send a batch's records, its state and its input offsets in one transaction.

        Returns the positions after it of the changelog and of the log of seen ids (None where nothing was logged).
        Raises `KafkaException`; the unit must then be dropped: whether the batch was committed only the log can tell.
        """
        producer = self._producer
        self._reached = {}
        producer.begin_transaction()
        for topic, key, value, partition in sends:
            if partition is None:
                self._produce(topic, value, key)
            else:
                self._produce(topic, value, key, partition)
        # A partition keeps the order in which it was written to: where the last record is says where all are.
        last: tuple[bytes, bytes | None] | None = None
        for following in state:
            if last is not None:
                self._produce(log.state, last[1], last[0], log.partition)
            last = following
        if last is not None:
            self._produce(log.state, last[1], last[0], log.partition, self._delivered)
        if seen and log.seen is not None:
            self._produce(log.seen, seen, None, log.partition, self._delivered)
        if offsets:
            committed = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
            producer.send_offsets_to_transaction(committed, self._group, _CALL_TIMEOUT_S)
        producer.commit_transaction(_CALL_TIMEOUT_S)
        return self._reached.get(log.state), self._reached.get(log.seen or "")

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: str | bytes | None,
        partition: int = -1,
        delivered: Callable[[KafkaError | None, Message], None] | None = None,
    ) -> None:
        while True:
            try:
                if delivered is None:
                    self._producer.produce(topic, value, key, partition)
                else:
                    self._producer.produce(topic, value, key, partition, delivered)
                return
            except BufferError:
                self._producer.poll(0.05)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        topic = message.topic()
        if error is None and offset is not None and topic is not None:
            self._reached[topic] = max(self._reached.get(topic, 0), offset + 1)

    def close(self) -> None:
        """Drop what is on its way. Never raises: a fenced producer reports that it is one at every call."""
        with suppress(KafkaException):
            self._producer.purge()
            self._producer.poll(0)
