"""One subscription's deliveries: read at its own pace, tried, tried again, written down.

Nothing is shared between couriers but the process and the connection to the log, so a receiver that hangs holds its own
slots and nobody else's.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError

from api.clickhouse import ClickHouseError
from api.delivery.consents import Consents
from api.delivery.journal import Journal, reached, written
from api.delivery.log import ChangeLog, Feed
from api.delivery.message import body_of, headers_of, webhook_id
from api.delivery.queue import Delivery, Queue
from api.delivery.schedule import due_after
from api.delivery.sender import Sender
from api.delivery.tail import Change, Tail
from api.subscriptions import Subscription
from schemas.errors import Problem
from schemas.metrics import counter, histogram

log = structlog.get_logger(__name__)

# Requests to one receiver under way at once.
SLOTS = 32
_PIECE = 250
_NEWS_S = 5.0
_WRITE_S = 0.5
# A subscription that only skips what it did not ask for writes seldom where it is.
_IDLE_WRITE_S = 10.0
_PAUSE_S = 1.0
_GONE = "the log no longer holds the change"


@dataclass(frozen=True, slots=True)
class Means:
    """What couriers work with."""

    tail: Tail
    log: ChangeLog
    sender: Sender
    journal: Journal
    consents: Consents
    known: Mapping[str, Subscription]
    delays: Sequence[int]


class Courier:
    """Delivers one subscription from where its queue stands."""

    def __init__(self, subscription: Subscription, queue: Queue, means: Means) -> None:
        self.subscription = subscription
        self.queue = queue
        self._means = means
        self._feed = Feed(means.tail, means.log, queue.positions)
        self._wake = asyncio.Event()
        self._freed = asyncio.Event()
        self._trying: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._unwritten: list[tuple[bytes, bytes | None]] = []
        self._written_at = time.monotonic()
        self._written = queue.safe_positions()

    def start(self) -> None:
        """Begin."""
        self._loops = [asyncio.create_task(loop()) for loop in (self._read, self._deliver, self._keep)]

    @property
    def broken(self) -> bool:
        """Tell whether a part of it ended by itself, which no part does."""
        return any(loop.done() for loop in self._loops)

    async def stop(self) -> None:
        """End what is under way, and write down what was done."""
        await self.abandon()
        await self._write(final=True)

    async def abandon(self) -> None:
        """End what is under way; what was not written down is done again by whoever comes next."""
        tasks = [*self._loops, *self._trying]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def replay(self, delivery: Delivery) -> None:
        """Try a dead delivery anew."""
        self.queue.replay(delivery, _now())
        self._wake.set()

    async def _read(self) -> None:
        while True:
            room = self.queue.room
            if not room:
                self._freed.clear()
                await self._freed.wait()
                continue
            try:
                changes = await self._feed.next(min(room, _PIECE), _NEWS_S)
                while (allowed := await self._allowed(changes)) is None:
                    await asyncio.sleep(_PAUSE_S)
            except KafkaError as error:
                log.warning("webhooks: changes not read", error=type(error).__name__, retry_s=_PAUSE_S)
                await asyncio.sleep(_PAUSE_S)
                continue
            now = _now()
            for change in allowed:
                self.queue.offer(self._delivery(change), now)
            self.queue.passed(self._feed.positions)
            if changes:
                self._wake.set()

    async def _allowed(self, changes: Sequence[Change]) -> list[Change] | None:
        """Return those of the changes that are to be delivered; None when nobody can tell just now."""
        wanted = [change for change in changes if self.subscription.wants(change)]
        purpose = self.subscription.consent
        if purpose is None:
            return wanted
        try:
            allowed = await self._means.consents.allowed(purpose, wanted)
        except (KafkaError, ClickHouseError, Problem) as error:
            log.warning("webhooks: consent not known", error=type(error).__name__, retry_s=_PAUSE_S)
            return None
        return [change for change in wanted if change.change_id in allowed]

    def _delivery(self, change: Change) -> Delivery:
        return Delivery(
            (change.partition, change.offset),
            webhook_id(change.change_id, self.subscription.id),
            change.segment_id,
            change.profile_id,
            change.sequence,
            change,
        )

    async def _deliver(self) -> None:
        while True:
            self._wake.clear()
            while len(self._trying) < SLOTS and (delivery := self.queue.next(_now())):
                task = asyncio.create_task(self._try(delivery))
                self._trying.add(task)
                task.add_done_callback(self._tried)
            due = self.queue.next_due() if len(self._trying) < SLOTS else None
            try:
                await asyncio.wait_for(self._wake.wait(), None if due is None else max(0.0, (due - _now()) / 1000))
            except TimeoutError:
                continue

    def _tried(self, task: "asyncio.Task[None]") -> None:
        self._trying.discard(task)
        self._wake.set()
        self._freed.set()
        if not task.cancelled():
            task.result()

    async def _try(self, delivery: Delivery) -> None:
        if self.subscription.id not in self._means.known:
            # Deleted a moment ago: this courier is about to be stopped.
            return
        try:
            change = delivery.change or await self._read_again(delivery)
            error = await self._post(delivery, change) if change is not None else None
        except Exception as broken:
            log.exception("webhooks: a try broke")
            error = f"not sent ({type(broken).__name__})"
        if delivery.dead:
            return
        now = _now()
        if error is None:
            self.queue.delivered(delivery, now)
            return
        delivery.attempts += 1
        due = due_after(self._means.delays, delivery.attempts, now, random.random())
        self.queue.failed(delivery, error, due, now)
        counter("kith_api_webhooks_total").labels("dead" if due is None else "failed").inc()

    async def _post(self, delivery: Delivery, change: Change) -> str | None:
        """Try once; return None when it got through, otherwise what went wrong."""
        body = body_of(change)
        headers = headers_of(self.subscription.signer, delivery.webhook_id, body, _now())
        started = time.perf_counter()
        error = await self._means.sender.post(self.subscription.url, headers, body)
        histogram("kith_api_webhook_seconds").observe(time.perf_counter() - started)
        if error is None:
            counter("kith_api_webhooks_total").labels("delivered").inc()
        return error

    async def _read_again(self, delivery: Delivery) -> Change | None:
        """Return the change of a delivery that has waited; None if it is not to be delivered any more."""
        while True:
            try:
                change = await self._means.log.one(*delivery.place)
                break
            except KafkaError:
                await asyncio.sleep(_PAUSE_S)
        if change is None:
            self.queue.failed(delivery, _GONE, None, _now())
            return None
        while (allowed := await self._allowed([change])) is None:
            await asyncio.sleep(_PAUSE_S)
        return change if allowed else None

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_S)
            await self._write()

    async def _write(self, final: bool = False) -> None:
        """Write down what has changed: deliveries first, so that no position is ahead of what it says."""
        busy = self.queue.delivered_since
        positions = self.queue.safe_positions()
        changed = self.queue.take_changed()
        moved = positions != self._written
        idle = not (busy or changed or final) and time.monotonic() - self._written_at < _IDLE_WRITE_S
        if not changed and not self._unwritten and (idle or not moved):
            return
        id_ = self.subscription.id
        # Kept until acknowledged: the next write begins with what this one did not get through.
        self._unwritten += [written(id_, place, delivery) for place, delivery in changed]
        if moved:
            self._unwritten.append(reached(id_, positions))
        sending = len(self._unwritten)
        try:
            await self._means.journal.write(id_, self._unwritten)
        except KafkaError as error:
            log.warning("webhooks: not written down yet", error=type(error).__name__)
            return
        del self._unwritten[:sending]
        self._written, self._written_at = positions, time.monotonic()


def _now() -> int:
    return time.time_ns() // 1_000_000
