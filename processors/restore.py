"""Bringing a unit's store up to the end of its changelog, before it takes its first batch."""

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from processors.partition.duplicates import unpack
from processors.partition.keys import POSITIONS
from processors.producer import Changelog
from processors.store import Store
from schemas.errors import KithError

_BATCH = 5000
# `consume` waits this long for a full batch even when the end has been reached.
_PATIENCE_S = 0.1


def restore(
    bootstrap: str, store: Store, log: Changelog, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Read the committed tail of the changelog into the store; return how many records that were.

    The transactional id must have been initialised before, so that the tail is final. `progress(done, total)` is called
    now and then, in records.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "kith-restore",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
            "log_level": 3,
        }
    )
    try:
        read = _read(consumer, store, log.state, log.partition, "state", progress)
        if log.seen is not None:
            _read(consumer, store, log.seen, log.partition, "seen", progress)
        return read
    finally:
        consumer.close()


def _read(
    consumer: Consumer,
    store: Store,
    topic: str,
    partition: int,
    kind: str,
    progress: Callable[[int, int], None],
) -> int:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=15)
    start = store.position(kind)
    if start > high:
        raise KithError(
            f"The local store is ahead of {topic}-{partition} ({start} > {high}): the log was replaced. "
            f"Remove the store's folder; it is built again from the log."
        )
    start = max(start, low)
    if start == high:
        return 0
    consumer.assign([TopicPartition(topic, partition, start)])
    done = 0
    while True:
        writes: list[tuple[bytes, bytes | None]] = []
        position = None
        ended = False
        for message in consumer.consume(_BATCH, timeout=_PATIENCE_S):
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    ended = True
                    continue
                raise KafkaException(error)
            value, offset = message.value(), message.offset()
            assert offset is not None
            if kind == "seen":
                writes.extend(unpack(value or b""))
            else:
                writes.append((message.key() or b"", value))
            position = offset + 1
        if position is not None:
            store.write(writes, **{"position" if kind == "state" else "seen_position": position})
            done += len(writes)
            progress(done, high - start)
        if ended:
            return done


def input_positions(store: Store) -> bytes | None:
    """Return the encoded input positions that the store holds, or None before the first batch."""
    return store.get(POSITIONS)
