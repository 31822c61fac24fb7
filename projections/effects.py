"""What follows from a batch, in an order that makes a crash at any point harmless.

Dead letters first, then rows (under tokens, a topic's own table last), then what queries find owners in. The group's
offsets come after all of it: see `projector`. It happens on one thread, so that the next batch is read meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

import structlog
from clickhouse_connect.driver.exceptions import Error
from kafka.errors import KafkaError

from projections import archive, sink
from projections.batch import Block, Refused
from projections.dead_letters import DeadLetters
from projections.placement import Placement
from projections.tables import EVENTS, IDENTITY_SLICES
from schemas.metrics import counter
from schemas.settings import Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Told what of a block of events is left out, after comparing with the archive: see `lost`. Raises `KafkaError`.
Report = Callable[[Block, Block], None]

# Told how many slices of identity came, so that queries see them: see `owners`. Raises the driver's errors.
Refresh = Callable[[int], None]


class Interrupted(Exception):
    """The partitions are somebody else's, or the process is to end, while ClickHouse or Kafka were waited for."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows from a batch. `alone`: no other projector inserts events."""

    blocks: Sequence[Block]
    refused: Sequence[Refused]
    alone: bool


class Effects:
    """Brings about what follows from one batch after another. `interrupt` may be called from another thread."""

    def __init__(
        self, settings: Settings, client: Any, dead_letters: DeadLetters, report: Report, refresh: Refresh
    ) -> None:
        self._placement = Placement.of(settings)
        self._client = client
        self._dead_letters = dead_letters
        self._report = report
        self._refresh = refresh
        self._interrupted = Event()
        # Whether ClickHouse or Kafka are waited for.
        self.waiting = False

    def bring_about(self, found: Consequences) -> None:
        """Return when everything is there, however long ClickHouse or Kafka are away.

        Raises `Interrupted` instead of waiting any more, and `KithError` when going on would lose something.
        """
        # Before any row: a partition's greatest offset in ClickHouse says that everything up to there was dealt with.
        self._refuse(*found.refused)
        for block in found.blocks:
            if block.table is EVENTS:
                block = self._new(block)
            if block.rows:
                sink.insert(self._client, block, self._wait, self._refuse)
            if block.table is EVENTS and block.rows and not found.alone:
                self._remove_surplus(block)
        slices = sum(len(block.rows) for block in found.blocks if block.table is IDENTITY_SLICES)
        if slices:
            self._patiently(lambda: self._refresh(slices))
        self.waiting = False

    def interrupt(self) -> None:
        """Let nothing wait any more; what is being asked or inserted at the moment is brought to its end."""
        self._interrupted.set()

    def resume(self) -> None:
        """Let it wait again. Not while `bring_about` runs."""
        self._interrupted.clear()
        self.waiting = False

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

    def _refuse(self, *refused: Refused) -> None:
        """Keep records as dead letters, however long Kafka is away."""
        for delay in sink.delays():
            try:
                return self._dead_letters.send(refused)
            except KafkaError as error:
                log.warning("dead letters not kept yet", count=len(refused), error=type(error).__name__)
                self._wait(delay)

    def _patiently(self, ask: Callable[[], T]) -> T:
        return sink.patiently(ask, self._wait)

    def _wait(self, seconds: float) -> None:
        self.waiting = True
        if self._interrupted.wait(seconds):
            raise Interrupted
