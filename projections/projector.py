"""The projector's loop: read a batch, let happen what follows from it, commit. Nothing is kept between two batches.

While ClickHouse takes one batch the next is read, so two are in memory. The order of effects makes a crash at any point
harmless: what follows from a batch (`effects`) first, the group's offsets last, one batch after the other. Whoever
opens a partition asks ClickHouse how far it stands.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any

import structlog
from kafka.errors import KafkaError

from projections import archive, sink
from projections.archive import Positions
from projections.batch import BATCH_BYTES, Projection, blocks_of
from projections.consumer import Consumer, Reassigned
from projections.dead_letters import DeadLetters
from projections.effects import Consequences, Effects, Interrupted, Refresh, Report
from projections.offsets import NoAnswer
from projections.pace import Pace
from projections.placement import Placement
from projections.rows import Record
from projections.tables import EVENTS
from schemas.metrics import counter, histogram
from schemas.settings import Settings

log = structlog.get_logger(__name__)

_POLL_S = 0.1
# How often it is looked whether the batch before is done.
_LOOK_S = 0.01
# So long it waits for the batch before without listening to the group.
_STAY_AFTER_S = 1.0


# What is to be seen of a batch, after what people have asked to be forgotten: see `masking`. Raises `KafkaError`.
See = Callable[[Sequence[Record]], Sequence[Record]]


class Stopped(Exception):
    """The process was asked to stop while it waited."""


@dataclass(slots=True)
class UnderWay:
    """A batch whose effects happen now; `done` answers when they began and ended. `filled`: of a full batch."""

    done: Future[tuple[float, float]]
    records: Sequence[Record]
    filled: float
    positions: Positions


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
        self._stop = stop
        self._see = see
        self._refresh = refresh
        self._effects = Effects(settings, client, dead_letters, report, refresh)
        self._thread = ThreadPoolExecutor(1, "effects")
        self._under_way: UnderWay | None = None
        self._pace = Pace(settings.projector_interval_s)
        self._state = "joining the group"
        self._event_topics = sorted(topic for topic, projection in known.items() if projection.own is EVENTS)
        consumer.let_go = self._let_go

    def ready(self) -> tuple[bool, str]:
        """Tell whether partitions are read and ClickHouse takes them, else what it waits for."""
        state = "waiting for ClickHouse or Kafka" if self._effects.waiting else self._state
        return not state, state or "projecting"

    def run(self) -> None:
        """Project until stopped. Raises `KithError` when going on would lose or repeat something."""
        try:
            while not self._stop.is_set():
                try:
                    self._round()
                except Reassigned:
                    log.info("partitions reassigned")
            self._finish()
        except (Stopped, Interrupted, Reassigned):
            pass
        finally:
            self._effects.interrupt()
            self._thread.shutdown()

    def _round(self) -> None:
        if self._consumer.must_seek and not self._open():
            return
        records, size = self._collect()
        positions = self._consumer.positions()
        if not records:
            self._consumer.commit(positions)
            return
        blocks, refused = blocks_of(self._seen(records), self._known)
        found = Consequences(blocks, refused, self._consumer.reads_all(self._event_topics))
        self._finish()
        filled = max(len(records) / self._settings.projector_batch, size / BATCH_BYTES)
        self._under_way = UnderWay(self._thread.submit(self._bring_about, found), records, filled, positions)

    def _open(self) -> bool:
        if not self._consumer.assigned:
            self._consumer.poll(_POLL_S, 1)
        if not self._consumer.assigned:
            return False
        topics = sorted({topic for topic, _ in self._consumer.assigned})
        held = sink.patiently(lambda: archive.positions(self._client, self._known, topics), self._wait)
        try:
            self._consumer.seek(held)
        except NoAnswer as error:
            log.warning("partitions not opened yet", error=str(error))
            self._wait(_STAY_AFTER_S)
            return False
        self._tidy(held)
        # Whoever had these partitions before may have stopped between the rows and this.
        sink.patiently(lambda: self._refresh(0), self._wait)
        log.info("partitions opened", partitions=len(self._consumer.assigned))
        self._state = ""
        return True

    def _collect(self) -> tuple[list[Record], int]:
        """Return a batch and its size, up to its limits of number, bytes and time.

        While the batch before is under way this one goes on growing; nothing comes only when none is.
        """
        records: list[Record] = []
        size, first = 0, 0.0
        most = self._settings.projector_batch
        while len(records) < most and size < BATCH_BYTES and not self._stop.is_set():
            is_busy = self._is_busy()
            patience = _LOOK_S if is_busy else _POLL_S
            if records and not is_busy:
                patience = min(self._pace.due(first) - time.monotonic(), _POLL_S)
                if patience <= 0:
                    break
            # Once there is something, each further call is to bring as much as there is time for.
            read = self._consumer.gather if records else self._consumer.poll
            more = read(patience, most - len(records))
            if more and not records:
                first = time.monotonic()
            size += sum(len(record.value or b"") for record in more)
            records += more
            if not records and not is_busy:
                break
        return records, size

    def _bring_about(self, found: Consequences) -> tuple[float, float]:
        began = time.monotonic()
        self._effects.bring_about(found)
        return began, time.monotonic()

    def _is_busy(self) -> bool:
        """Tell whether a batch is under way; one that is done is committed."""
        if self._under_way is not None and self._under_way.done.done():
            self._finish()
        return self._under_way is not None

    def _finish(self) -> None:
        """Commit the batch that is under way, as soon as everything that follows from it is there."""
        batch = self._under_way
        if batch is None:
            return
        while not wait([batch.done], _STAY_AFTER_S).done:
            if self._stop.is_set():
                self._effects.interrupt()
            self._consumer.stay(_POLL_S)
        self._under_way = None
        self._state = ""
        self._pace.inserted(*batch.done.result(), batch.filled)
        self._consumer.commit(batch.positions)
        for topic, count in Counter(record.topic for record in batch.records).items():
            counter("kith_projector_records_total").labels(topic).inc(count)
        oldest = min(record.timestamp for record in batch.records)
        histogram("kith_projector_freshness_seconds").observe(max(0.0, time.time() - oldest / 1000))

    def _let_go(self) -> None:
        """Return when nothing is under way to ClickHouse. Who has the partitions next asks there what came of it."""
        if self._under_way is not None:
            self._effects.interrupt()
            wait([self._under_way.done])
            self._effects.resume()
            self._under_way = None

    def _seen(self, records: list[Record]) -> Sequence[Record]:
        """Return what is to be seen of the records, however long Kafka is away."""
        for delay in sink.delays():
            try:
                return self._see(records)
            except KafkaError as error:
                log.warning("privacy requests not read yet", error=type(error).__name__, retry_s=delay)
                self._wait(delay)
        raise AssertionError("delays never end")

    def _tidy(self, held: archive.Positions) -> None:
        """Finish what the projector that had these partitions before may have left half done."""
        own = {place: offset for place, offset in held.items() if place[0] in self._event_topics}
        most = self._settings.projector_batch
        removed = sink.patiently(
            lambda: archive.remove_newest_surplus(self._client, own, most, self._placement), self._wait
        )
        counter("kith_projector_duplicates_total").inc(removed)

    def _wait(self, seconds: float) -> None:
        self._state = "waiting for ClickHouse or Kafka"
        if self._stop.is_set():
            raise Stopped
        self._consumer.stay(seconds)
