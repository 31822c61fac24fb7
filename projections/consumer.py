"""The log as the projector reads it: batches of committed records, from where ClickHouse says that it stands.

The group decides who reads which partition; where to read from is decided by ClickHouse (`archive.positions`) and,
beyond it, by the group's committed offsets, which also count the records that became no row.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from projections.archive import Positions
from projections.offsets import NoAnswer, Offsets
from projections.record import Place, Record, place_of, record_of
from schemas.errors import KithError
from schemas.settings import Settings

log = structlog.get_logger(__name__)

# Records that are read ahead: together with two batches this bounds the projector's memory.
_AHEAD_KBYTES = 16 << 10
_FETCH_BYTES = 8 << 20
_SESSION_TIMEOUT_MS = 10_000
_ANSWER_S = 30.0
# So many records are taken out of what has been read ahead, before it is looked how large they are.
_AT_ONCE = 2000


class Reassigned(Exception):
    """The group gave this process other partitions: what it has read and not inserted is somebody else's now."""


class Consumer:
    """A member of the projector's group. Not for use by several threads.

    `let_go` is called before partitions are given up, within the calls that wait: their next owner starts only after it
    has returned. So nothing may be on its way to ClickHouse then.
    """

    def __init__(self, settings: Settings, topics: Iterable[str]) -> None:
        self.let_go: Callable[[], None] = lambda: None
        # Whether partitions were assigned whose position is not set yet; they give no records until it is.
        self.must_seek = False
        # The partitions that this process reads.
        self.assigned: set[Place] = set()
        self._topics = sorted(topics)
        self._offsets = Offsets(settings)
        self._reassigned = False
        self._all: set[Place] = set()
        self._positions: Positions = {}
        self._committed: Positions = {}
        self._is_reading = False
        self._consumer = KafkaConsumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "log_level": 0,
                "group.id": f"{settings.topic_prefix}projector",
                # A projector that is started again takes its partitions back at once, not when the dead session ends.
                "group.instance.id": settings.projector_id,
                "client.id": settings.projector_id,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                # Says the position past transaction markers.
                "enable.partition.eof": True,
                # Partition p of all event topics in one process: a seed's events have one writer.
                "partition.assignment.strategy": "range",
                "session.timeout.ms": _SESSION_TIMEOUT_MS,
                "heartbeat.interval.ms": _SESSION_TIMEOUT_MS // 5,
                "queued.max.messages.kbytes": _AHEAD_KBYTES,
                "fetch.max.bytes": _FETCH_BYTES,
                # Nobody waits for more bytes than are there: batches are made here.
                "fetch.wait.max.ms": 100,
                # How soon it asks for more after it had enough: a second, if not told otherwise.
                "fetch.queue.backoff.ms": 10,
                "on_commit": self._on_commit,
            }
        )
        self._consumer.subscribe(self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke)

    def reads_all(self, topics: Iterable[str]) -> bool:
        """Tell whether this process reads every partition of these topics."""
        wanted = set(topics)
        return all(place in self.assigned for place in self._all if place[0] in wanted)

    def poll(self, seconds: float, most: int) -> list[Record]:
        """Return up to `most` committed records, waiting up to `seconds` for the first.

        Raises `Reassigned` when the group has given this process other partitions than before.
        """
        self._read_on()
        # A message without a value, which ends a profile, is as long as that: `if first` would let it go.
        first = self._consumer.poll(seconds)
        if first is None:
            return self._received([])
        return self._received([first, *self._consumer.consume(min(most - 1, _AT_ONCE), 0)])

    def gather(self, seconds: float, most: int) -> list[Record]:
        """Return up to `most` committed records, waiting `seconds` for as many. Raises `Reassigned` as `poll` does."""
        self._read_on()
        return self._received(self._consumer.consume(min(most, _AT_ONCE), seconds))

    def stay(self, seconds: float) -> None:
        """Wait without reading, as a member of the group. Raises `Reassigned` as `poll` does."""
        if self._is_reading:
            # Not paused: what was on its way here would still come, and would have to be kept.
            self._consumer.assign([])
            self._is_reading = False
        self._received([each for each in [self._consumer.poll(seconds)] if each is not None and each.error()])

    def seek(self, held: Mapping[Place, int]) -> None:
        """Start each assigned partition at the greater of what ClickHouse holds and what the group has committed.

        `held` is the offset after the last one that ClickHouse holds, by (topic, partition). Raises `KithError` when
        ClickHouse holds more than the log has: then it is another log; and `NoAnswer`.
        """
        assigned = sorted(self.assigned)
        self._all = set(self._offsets.partitions(self._topics))
        starts, ends = self._offsets.starts(assigned), self._offsets.ends(assigned)
        committed = self._group_offsets(assigned)
        positions = {}
        for place in assigned:
            stands, (topic, partition) = held.get(place, 0), place
            if stands > ends[place]:
                raise KithError(
                    f"ClickHouse holds {topic}/{partition} up to offset {stands - 1}, but the log ends at "
                    f"{ends[place]}: it is another log. Give it another database (KITH_CLICKHOUSE_DATABASE)."
                )
            positions[place] = max(stands, committed.get(place, 0), starts[place])
        self._positions, self._committed = positions, {}
        self.must_seek = False

    def positions(self) -> Positions:
        """Return the offset after the last record read, by (topic, partition); transaction markers are read too."""
        return dict(self._positions)

    def commit(self, positions: Positions) -> None:
        """Commit these positions, if they are not the ones committed last; what fails is committed again next time."""
        changed = {place: offset for place, offset in positions.items() if self._committed.get(place) != offset}
        if not changed:
            return
        self._committed |= changed
        try:
            self._consumer.commit(
                offsets=[TopicPartition(*place, offset) for place, offset in changed.items()], asynchronous=True
            )
        except KafkaException as error:
            self._on_commit(error.args[0], [TopicPartition(*place) for place in changed])

    def close(self) -> None:
        """Leave without committing what was not committed."""
        self._consumer.close()

    def _read_on(self) -> None:
        if not self._is_reading and self._positions:
            self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._positions.items()])
            self._is_reading = True

    def _received(self, messages: list[Any]) -> list[Record]:
        self._raise_if_reassigned()
        records, ends = [], {}
        for message in messages:
            error = message.error()
            if error is None:
                records.append(record_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                ends[place_of(message)] = message.offset()
            elif error.fatal():
                raise KithError(f"Kafka refuses this projector for good: {error.str()}. Has another one its name?")
            else:
                # It goes on by itself once it can.
                log.warning("Kafka does not answer", error=error.name())
        self._positions |= {(record.topic, record.partition): record.offset + 1 for record in records}
        for place, end in ends.items():
            self._positions[place] = max(end, self._positions.get(place, 0))
        return records

    def _raise_if_reassigned(self) -> None:
        if self._reassigned:
            self._reassigned = False
            raise Reassigned

    def _group_offsets(self, places: list[Place]) -> Positions:
        try:
            found = self._consumer.committed([TopicPartition(*place) for place in places], timeout=_ANSWER_S)
        except KafkaException as error:
            raise NoAnswer(error) from error
        return {(each.topic, each.partition): each.offset for each in found if each.offset > 0}

    def _on_assign(self, consumer: Any, assigned: list[TopicPartition]) -> None:
        # Holds the new partitions until their position is set.
        consumer.assign([])
        self._is_reading = False
        self.assigned = {(each.topic, each.partition) for each in assigned}
        self.must_seek = True

    def _on_revoke(self, _: Any, revoked: list[TopicPartition]) -> None:
        self.let_go()
        self._reassigned = self._reassigned or bool(self.assigned)
        self.assigned, self._positions = set(), {}
        self._is_reading = False

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        failed = [each for each in offsets if error or each.error]
        for each in failed:
            self._committed.pop((each.topic, each.partition), None)
        if failed:
            # The rows are there; whoever reads these partitions next finds them.
            log.warning("offsets not committed", error=str(error or failed[0].error))
