"""The log as the projector reads it: batches of committed records, from where ClickHouse says that it stands.

The group decides who reads which partition; where to read from is decided by ClickHouse (`archive.positions`) and,
beyond it, by the group's committed offsets, which also count the records that became no row.
"""

import time
from collections.abc import Iterable, Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import RebalanceInProgressError
from kafka.structs import OffsetAndMetadata

from projections.rows import Record
from schemas.errors import KithError
from schemas.settings import Settings

# What a broker sends in one answer, at most: together with the batch this bounds the projector's memory.
FETCH_BYTES = 16 << 20
PARTITION_FETCH_BYTES = 4 << 20
SESSION_TIMEOUT_MS = 10_000
_LONGEST_JOIN_S = 60.0

Positions = dict[tuple[str, int], int]


class Reassigned(Exception):
    """The group gave this process other partitions: what it has read and not inserted is somebody else's now."""


class Consumer:
    """A member of the projector's group. Not for use by several threads."""

    def __init__(self, settings: Settings, topics: Iterable[str]) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            group_id=f"{settings.topic_prefix}projector",
            # A projector that is started again takes its partitions back at once, without waiting for the dead session.
            group_instance_id=settings.projector_id,
            client_id=settings.projector_id,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Partition p of all event topics in one process: a seed's events have one writer.
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=SESSION_TIMEOUT_MS // 5,
            max_poll_records=settings.projector_batch,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            # Nobody waits for more bytes than are there: batches are made here.
            fetch_max_wait_ms=100,
        )
        self._listener = _Listener(self._consumer)
        self._committed: Positions = {}
        self._joining_since: float | None = None
        self._consumer.subscribe(sorted(topics), listener=self._listener)
        for topic in topics:
            # Asks the broker. A member that joins without knowing the partitions joins a second time at once.
            self._consumer.partitions_for_topic(topic)

    @property
    def assigned(self) -> set[tuple[str, int]]:
        """Return the partitions that this process reads, as (topic, partition)."""
        return {(each.topic, each.partition) for each in self._consumer.assignment()}

    def reads_all(self, topics: Iterable[str]) -> bool:
        """Tell whether this process reads every partition of these topics."""
        assigned = self.assigned
        return all(
            (topic, partition) in assigned
            for topic in topics
            for partition in self._consumer.partitions_for_topic(topic) or ()
        )

    @property
    def must_seek(self) -> bool:
        """Tell whether partitions were assigned whose position is not set yet; they give no records until it is."""
        return self._listener.must_seek

    def poll(self, seconds: float, most: int) -> list[Record]:
        """Return up to `most` committed records, waiting up to `seconds` for the first.

        Raises `Reassigned` when the group has given this process other partitions than before.
        """
        fetched = self._consumer.poll(timeout_ms=int(1000 * seconds), max_records=most)
        self._raise_if_reassigned()
        return [record for records in fetched.values() for record in records]

    def stay(self, seconds: float) -> None:
        """Wait without reading, as a member of the group. Raises `Reassigned` as `poll` does."""
        assigned = self._consumer.assignment()
        self._consumer.pause(*assigned)
        try:
            self._consumer.poll(timeout_ms=int(1000 * seconds))
            self._raise_if_reassigned()
        finally:
            if not self._listener.must_seek:
                self._consumer.resume(*self._consumer.assignment())

    def seek(self, held: Mapping[tuple[str, int], int]) -> None:
        """Start each assigned partition at the greater of what ClickHouse holds and what the group has committed.

        `held` is the offset after the last one that ClickHouse holds, by (topic, partition). Raises `KithError` when
        ClickHouse holds more than the log has: then it is another log.
        """
        assigned = sorted(self._consumer.assignment())
        beginnings = self._consumer.beginning_offsets(assigned)
        ends = self._consumer.end_offsets(assigned)
        for each in assigned:
            stands = held.get((each.topic, each.partition), 0)
            if stands > ends[each]:
                raise KithError(
                    f"ClickHouse holds {each.topic}/{each.partition} up to offset {stands - 1}, but the log ends at "
                    f"{ends[each]}: it is another log. Give it another database (KITH_CLICKHOUSE_DATABASE)."
                )
            committed = self._consumer.committed(each) or 0
            self._consumer.seek(each, max(stands, committed, beginnings[each]))
        self._committed = {}
        self._listener.must_seek = False
        self._consumer.resume(*assigned)

    def rewind(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Read again from these positions."""
        for (topic, partition), offset in positions.items():
            self._consumer.seek(TopicPartition(topic, partition), offset)

    def positions(self) -> Positions:
        """Return the offset after the last record read, by (topic, partition); transaction markers are read too."""
        return {
            (each.topic, each.partition): self._consumer.position(each) for each in sorted(self._consumer.assignment())
        }

    def commit(self, positions: Positions) -> None:
        """Commit these positions, if they are not the ones committed last.

        Raises `KafkaError` when that is not possible now, `KithError` when only a new member can do it.
        """
        changed = {place: offset for place, offset in positions.items() if self._committed.get(place) != offset}
        if not changed:
            return
        offsets = {
            TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
            for (topic, partition), offset in changed.items()
        }
        try:
            self._consumer.commit(offsets)
        except RebalanceInProgressError:
            self._joining_since = self._joining_since or time.monotonic()
            if time.monotonic() - self._joining_since > _LONGEST_JOIN_S:
                # kafka-python 3.0.12 forgets a join that outlives a poll when only the partitions' count has changed.
                raise KithError("The group's rebalance does not end: starting again.") from None
            raise
        self._joining_since = None
        self._committed |= changed

    def close(self) -> None:
        """Leave without committing."""
        self._consumer.close(autocommit=False)

    def _raise_if_reassigned(self) -> None:
        if self._listener.reassigned:
            self._listener.reassigned = False
            raise Reassigned


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes that the assignment has changed, and holds the new partitions until their position is set."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self.reassigned = False
        self.must_seek = True

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        self.reassigned = self.reassigned or bool(revoked)

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        self.must_seek = True
        self._consumer.pause(*self._consumer.assignment())
