"""One unit at work: records in, fold, one transaction, store. See docs/decisions/0001-unit-of-work.md for why in this
order.

A unit that fails is dropped with everything it has in memory, and opened anew by its owner.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from processors.partition.effects import Effects, Machine, Record
from processors.partition.keys import VIEWS
from processors.producer import Changelog, UnitProducer
from processors.store import Store
from schemas.metrics import counter, histogram

# What is never in the changelog: documents are in profiles.changelog, seen ids in the log of seen ids.
_UNLOGGED = (VIEWS, b"d:")
# How long an idle unit waits before it shows that it has read past the log's transaction markers.
_IDLE_S = 0.02


class Archive(Protocol):
    """What a unit asks the archive."""

    async def known(self, partition: int, old: Sequence[tuple[str, str, str, int]]) -> dict[str, bytes]:
        """Return the digests of other deliveries, by event id, of `(seed, event id, topic, offset)`."""

    async def events(self, partition: int, job: Mapping[str, Any]) -> list[bytes]:
        """Return the raw events that a question is about, once the archive has them all."""


class Unit:
    """A running unit."""

    def __init__(
        self,
        name: str,
        partition: int,
        machine: Machine,
        store: Store,
        producer: UnitProducer,
        changelog: Changelog,
        archive: Archive,
        batch: int,
    ) -> None:
        self.name = name
        self.partition = partition
        self.machine = machine
        self._store = store
        self._producer = producer
        self._changelog = changelog
        self._archive = archive
        self._read: dict[str, int] = {}
        self._batch = batch
        self._queue: deque[Record] = deque()
        self._answers: deque[tuple[str, dict[str, Any], list[bytes]]] = deque()
        self._inputs: deque[Callable[[], Effects]] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._shown: dict[tuple[str, int], int] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, dict[str, Any]] = {}  # those on their way, as they were asked
        self._asking: dict[str, asyncio.Task[None]] = {}  # by lane
        self._next_due = machine.next_due()
        self.running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Return how many records wait to be folded."""
        return len(self._queue)

    def feed(self, topic: str, records: Sequence[Record], position: int) -> None:
        """Add records of one topic, in order; `position` is how far it has been read, past what is no record."""
        self._read[topic] = position
        if records:
            self._queue.extend(records)
            self._wake.set()

    def insert(self, step: Callable[[], Effects]) -> None:
        """Have `step` run between batches, as a unit of work of its own."""
        self._inputs.append(step)
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`; raises whatever makes the unit unfit to go on."""
        self._ask(self.machine.pending_jobs())
        while not self._stopping:
            self._wake.clear()
            if self._inputs:
                await self._commit(self._inputs.popleft()())
            elif self._answers:
                name, job, rows = self._answers.popleft()
                await self._commit(self.machine.answer(name, job, rows, now_ms()))
                # Only now: what it has led to must show as not yet done from one question to the next.
                self._answered(name, job)
            elif self._queue or self._is_due():
                await self._step()
                if self.machine.sweeping:
                    await self._commit(self.machine.sweep(now_ms()))
            elif self.machine.sweeping:
                await self._commit(self.machine.sweep(now_ms()))
            else:
                await self._rest()

    async def _step(self) -> None:
        queue = self._queue
        records = [queue.popleft() for _ in range(min(len(queue), self._batch))]
        started = time.perf_counter()
        old = self.machine.old_events(records)
        archived = await self._archive.known(self.partition, old) if old else {}
        effects = self.machine.fold(records, now_ms(), archived)
        counter("kith_worker_records_total").labels(self.name).inc(len(records))
        await self._commit(effects)
        histogram("kith_worker_batch_seconds").observe(time.perf_counter() - started)

    async def _commit(self, effects: Effects) -> None:
        logged = [(key, value) for key, value in effects.writes.items() if not key.startswith(_UNLOGGED)]
        offsets = self._offsets(self.machine.positions)
        state, seen = await asyncio.to_thread(
            self._producer.commit, effects.sends, self._changelog, logged, effects.seen, offsets
        )
        self._store.write(effects.writes, state, seen)
        self._shown.update(offsets)
        if effects.expired is not None:
            self._store.expire(*effects.expired)
        for name, count in effects.counts.items():
            counter("kith_worker_outcomes_total").labels(name).inc(count)
        if effects.jobs:
            self._ask(self.machine.pending_jobs())
        self._next_due = self.machine.next_due()

    def _offsets(self, positions: Mapping[str, int]) -> dict[tuple[str, int], int]:
        """Return the offsets to show: not beyond those whose questions to the archive are still open."""
        shown = dict(positions)
        for job in self._jobs.values():
            for topic, position in job["positions"].items():
                if topic in shown:
                    shown[topic] = min(shown[topic], position - 1) if position else shown[topic]
        return {(topic, self.partition): max(position, 0) for topic, position in shown.items()}

    def _is_due(self) -> bool:
        return self._next_due is not None and self._next_due <= now_ms()

    async def _rest(self) -> None:
        """Wait for work; once idle, show the position behind the last transaction marker."""
        try:
            await asyncio.wait_for(self._wake.wait(), _IDLE_S)
            return
        except TimeoutError:
            pass
        if not self._queue:
            # Everything that was read has been folded: what lies between are transaction markers.
            for topic, position in self._read.items():
                self.machine.positions[topic] = max(position, self.machine.positions.get(topic, 0))
        offsets = self._offsets(self.machine.positions)
        if offsets != self._shown and not self._queue:
            await asyncio.to_thread(self._producer.commit, [], self._changelog, [], b"", offsets)
            self._shown = offsets
        wait = 1.0 if self._next_due is None else min(max((self._next_due - now_ms()) / 1000, 0.0), 1.0)
        if wait > _IDLE_S:
            # Positions move by markers alone when others commit: look again soon, but not in a busy loop.
            wait = min(wait, 0.1)
        try:
            await asyncio.wait_for(self._wake.wait(), wait)
        except TimeoutError:
            return

    def _ask(self, jobs: Sequence[tuple[str, dict[str, Any]]]) -> None:
        for name, job in jobs:
            self._jobs[name] = job
        for lane in sorted({_lane_of(job) for job in self._jobs.values()}):
            asking = self._asking.get(lane)
            if asking is None or asking.done():
                self._asking[lane] = asyncio.create_task(self._ask_archive(lane))

    def _answered(self, name: str, job: Mapping[str, Any]) -> None:
        """Forget a question, or go on to the next piece of it."""
        if self._asked.get(name) == job:
            del self._asked[name]
        self._jobs.pop(name, None)
        self._ask([each for each in self.machine.pending_jobs() if each[0] == name])

    async def _ask_archive(self, lane: str) -> None:
        while names := [
            name for name, job in self._jobs.items() if self._asked.get(name) != job and _lane_of(job) == lane
        ]:
            for name in names:
                if (job := self._jobs.get(name)) is None:
                    continue
                self._asked[name] = job
                self._answers.append((name, job, await self._archive.events(self.partition, job)))
                self._wake.set()

    async def stop(self) -> None:
        """Finish the batch under way, commit it, and close."""
        self._stopping = True
        self._wake.set()
        if self.running is not None:
            await asyncio.wait([self.running], timeout=20)
        await self.drop()

    async def drop(self) -> None:
        """Close without finishing anything; what was not committed will be read again."""
        self._stopping = True
        asking = [*self._asking.values(), self.running]
        tasks = [task for task in asking if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await asyncio.to_thread(self._producer.close)
        finally:
            self._store.close()


def _lane_of(job: Mapping[str, Any]) -> str:
    """Return in which queue a question waits: what waits for other questions' answers must not stand before them."""
    return "waiting" if job["kind"] in ("settled", "expunge") else "archive"


def now_ms() -> int:
    """Return the wall clock in ms: given to folds, never asked by them."""
    return time.time_ns() // 1_000_000
