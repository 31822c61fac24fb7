"""The projector's loop: read a batch, insert what follows from it, commit. Nothing is kept between two batches.

The order of effects makes a crash at any point harmless: dead letters first, then rows (under tokens, the topic's own
table last), then what queries find owners in, the group's offsets last. Whoever opens a partition asks ClickHouse how
far it stands.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, TypeVar

import structlog
from clickhouse_connect.driver.exceptions import Error
from kafka.errors import KafkaError

from projections import archive, sink
from projections.batch import Block, Projection, Refused, blocks_of
from projections.consumer import Consumer, Reassigned
from projections.dead_letters import DeadLetters
from projections.pace import Pace
from projections.placement import Placement
from projections.rows import Record
from projections.tables import EVENTS, IDENTITY_SLICES
from schemas.metrics import counter, histogram
from schemas.settings import Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")
# A batch is inserted when its values are that many bytes, however few they are.
BATCH_BYTES = 32 << 20
_POLL_S = 0.1


# What is to be seen of a batch, after what people have asked to be forgotten: see `masking`. Raises `KafkaError`.
See = Callable[[Sequence[Record]], Sequence[Record]]

# Told what of a block of events is left out, after comparing with the archive: see `lost`. Raises `KafkaError`.
Report = Callable[[Block, Block], None]

# Told how many slices of identity came, so that queries see them: see `owners`. Raises the driver's errors.
Refresh = Callable[[int], None]


class Stopped(Exception):
    """The process was asked to stop while it waited."""


class Projector:
    """Projects its partitions of the log into ClickHouse until `stop` is set."""

    def __init__(
        self,
        settings: Settings,
        known: dict[str, Projection],
        consumer: Consumer,
        client: Any,
        dead_letters: DeadLetters,
        stop: Event,
        see: See = lambda records: records,
        report: Report = lambda block, new: None,
        refresh: Refresh = lambda slices: None,
    ) -> None:
        self._settings = settings
        self._placement = Placement.of(settings)
        self._known = known
        self._consumer = consumer
        self._client = client
        self._dead_letters = dead_letters
        self._stop = stop
        self._see = see
        self._report = report
        self._refresh = refresh
        self._pace = Pace(settings.projector_interval_s)
        self._state = "joining the group"
        self._event_topics = sorted(topic for topic, projection in known.items() if projection.own is EVENTS)

    def ready(self) -> tuple[bool, str]:
        """Tell whether partitions are read and ClickHouse takes them, else what it waits for."""
        return not self._state, self._state or "projecting"

    def run(self) -> None:
        """Project until stopped. Raises `KithError` when going on would lose or repeat something."""
        while not self._stop.is_set():
            try:
                self._round()
            except Reassigned:
                log.info("partitions reassigned")
            except Stopped:
                break

    def _round(self) -> None:
        if self._consumer.must_seek and not self._open():
            return
        records = self._collect()
        positions = self._consumer.positions()
        if records:
            began = time.monotonic()
            self._project(records)
            self._pace.inserted(began, time.monotonic())
        try:
            self._consumer.commit(positions)
        except KafkaError as error:
            # The rows are there; whoever reads this partition next finds them.
            log.warning("offsets not committed", error=type(error).__name__)

    def _open(self) -> bool:
        if not self._consumer.assigned:
            self._consumer.poll(_POLL_S, 1)
        if not self._consumer.assigned:
            return False
        topics = sorted({topic for topic, _ in self._consumer.assigned})
        held = self._patiently(lambda: archive.positions(self._client, self._known, topics))
        self._consumer.seek(held)
        self._tidy(held)
        # Whoever had these partitions before may have stopped between the rows and this.
        self._patiently(lambda: self._refresh(0))
        log.info("partitions opened", partitions=len(self._consumer.assigned))
        self._state = ""
        return True

    def _collect(self) -> list[Record]:
        """Return a batch, up to its limits of number, bytes and time; nothing when there is nothing."""
        records: list[Record] = []
        size = 0
        left = _POLL_S
        while left > 0 and not self._stop.is_set():
            more = self._consumer.poll(min(left, _POLL_S), self._settings.projector_batch - len(records))
            now = time.monotonic()
            if more and not records:
                due = self._pace.due(now)
            size += sum(len(record.value or b"") for record in more)
            records += more
            if not records or len(records) >= self._settings.projector_batch or size >= BATCH_BYTES:
                break
            left = due - now
        return records

    def _project(self, records: list[Record]) -> None:
        blocks, refused = blocks_of(self._seen(records), self._known)
        # Before any row: a partition's greatest offset in ClickHouse says that everything up to there was dealt with.
        self._refuse(*refused)
        for block in blocks:
            if block.table is EVENTS:
                block = self._new(block)
            if block.rows:
                sink.insert(self._client, block, self._wait, self._refuse)
            if block.table is EVENTS and block.rows and not self._consumer.reads_all(self._event_topics):
                self._remove_surplus(block)
        slices = sum(len(block.rows) for block in blocks if block.table is IDENTITY_SLICES)
        if slices:
            self._patiently(lambda: self._refresh(slices))
        self._state = ""
        for topic, count in Counter(record.topic for record in records).items():
            counter("kith_projector_records_total").labels(topic).inc(count)
        oldest = min(record.timestamp for record in records)
        histogram("kith_projector_freshness_seconds").observe(max(0.0, time.time() - oldest / 1000))

    def _seen(self, records: list[Record]) -> Sequence[Record]:
        """Return what is to be seen of the records, however long Kafka is away."""
        for delay in sink.delays():
            try:
                return self._see(records)
            except KafkaError as error:
                log.warning("privacy requests not read yet", error=type(error).__name__, retry_s=delay)
                self._wait(delay)
        raise AssertionError("delays never end")

    def _new(self, block: Block) -> Block:
        new = self._patiently(lambda: archive.new_events(self._client, block))
        if len(new.rows) < len(block.rows):
            counter("kith_projector_duplicates_total").inc(len(block.rows) - len(new.rows))
            self._report_lost(block, new)
        return new

    def _report_lost(self, block: Block, new: Block) -> None:
        """Report events whose id somebody else's event has, however long Kafka or ClickHouse are away."""
        for delay in sink.delays():
            try:
                return self._report(block, new)
            except (KafkaError, Error) as error:
                log.warning("events that lost not reported yet", error=type(error).__name__, retry_s=delay)
                self._wait(delay)

    def _remove_surplus(self, block: Block) -> None:
        ids = archive.event_ids(block)
        removed = self._patiently(lambda: archive.remove_surplus(self._client, ids, self._placement))
        counter("kith_projector_duplicates_total").inc(removed)

    def _tidy(self, held: archive.Positions) -> None:
        """Finish what the projector that had these partitions before may have left half done."""
        own = {place: offset for place, offset in held.items() if place[0] in self._event_topics}
        most = self._settings.projector_batch
        removed = self._patiently(lambda: archive.remove_newest_surplus(self._client, own, most, self._placement))
        counter("kith_projector_duplicates_total").inc(removed)

    def _refuse(self, *refused: Refused) -> None:
        """Keep records as dead letters, however long Kafka is away."""
        for delay in sink.delays():
            try:
                return self._dead_letters.send(refused)
            except KafkaError as error:
                log.warning("dead letters not kept yet", count=len(refused), error=type(error).__name__)
                self._wait(delay)

    def _patiently(self, read: Callable[[], T]) -> T:
        """Return what `read` answers, however long ClickHouse is away."""
        for delay in sink.delays():
            try:
                return read()
            except Error as error:
                log.warning("ClickHouse does not answer", code=error.code, error=type(error).__name__, retry_s=delay)
                self._wait(delay)
        raise AssertionError("delays never end")

    def _wait(self, seconds: float) -> None:
        self._state = "waiting for ClickHouse or Kafka"
        if self._stop.is_set():
            raise Stopped
        self._consumer.stay(seconds)
