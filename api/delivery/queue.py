"""What one subscription has still to deliver, in order per profile. Pure: no clock, no I/O.

A change that was read is *open* until it is delivered; after a failed try it *waits*, with a record of its own, and so
does everything behind it of the same profile. Where to read on after a crash lies before every open change, so nothing
is lost, and what waits does not hold it back. Open and waiting changes are bounded: who asks `room` before reading
needs no more memory for a receiver that is dead.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

from api.delivery.cursor import Positions
from api.delivery.tail import Change

OPEN_MOST = 256
WAITING_MOST = 1_000
# Beyond this the oldest dead delivery leaves the list; the change itself stays in the log.
DEAD_MOST = 10_000

Place = tuple[int, int]  # partition and offset of the change


@dataclass(slots=True)
class Delivery:
    """One change on its way. `change` is None where only its place is kept; instants are milliseconds."""

    place: Place
    webhook_id: str
    segment_id: str
    profile_id: str
    sequence: int
    change: Change | None = None
    attempts: int = 0
    error: str = ""
    at: int = 0
    due: int | None = None
    waiting: bool = False
    dead: bool = False


class Queue:
    """Begins with what was kept: positions, waiting deliveries in any order, and the places of dead ones."""

    def __init__(
        self, positions: Positions, waiting: Iterable[Delivery] = (), dead: Iterable[Place] = (), now: int = 0
    ) -> None:
        self.positions: Positions = dict(positions)
        self._open: dict[int, dict[int, None]] = {}
        self._open_count = 0
        self._waiting: dict[Place, Delivery] = {}
        self._dead: dict[Place, None] = dict.fromkeys(sorted(dead))
        # What is to be delivered of each profile, in order; only the first of them is ever tried.
        self._lines: dict[str, deque[Delivery]] = {}
        self._ready: deque[Delivery] = deque()
        self._due: list[tuple[int, Place, Delivery]] = []
        self._changed: dict[Place, Delivery | None] = {}
        self.delivered_since = False
        # All of a profile's changes are in one partition, so their places tell their order.
        for delivery in sorted(waiting, key=lambda each: each.place):
            delivery.waiting = True
            self._waiting[delivery.place] = delivery
            line = self._lines.setdefault(delivery.profile_id, deque())
            line.append(delivery)
            if len(line) == 1:
                self._schedule(delivery, now if delivery.due is None else delivery.due)

    @property
    def waiting(self) -> int:
        """Return how many deliveries wait."""
        return len(self._waiting)

    @property
    def open(self) -> int:
        """Return how many changes were read and are neither delivered nor waiting."""
        return self._open_count

    @property
    def room(self) -> int:
        """Return how many more changes may be read now."""
        return 0 if len(self._waiting) >= WAITING_MOST else max(0, OPEN_MOST - self._open_count)

    def offer(self, delivery: Delivery, now: int) -> None:
        """Take in a change that was read, behind those of its profile that are not delivered yet."""
        partition, offset = delivery.place
        self.positions[partition] = offset + 1
        if delivery.place in self._waiting or delivery.place in self._dead:
            return
        line = self._lines.setdefault(delivery.profile_id, deque())
        line.append(delivery)
        if len(line) > 1 and line[0].waiting:
            self._wait(delivery, now)
            return
        self._open.setdefault(partition, {})[offset] = None
        self._open_count += 1
        if len(line) == 1:
            self._ready.append(delivery)

    def passed(self, positions: Positions) -> None:
        """Note how far the stream was read, with what is not to be delivered."""
        self.positions.update(positions)

    def next(self, now: int) -> Delivery | None:
        """Return a delivery to try now; it is in flight until `delivered` or `failed` is told of it."""
        while self._due and self._due[0][0] <= now:
            due, _, delivery = heappop(self._due)
            # A replay may have brought it forward.
            if delivery.due == due and delivery.waiting:
                delivery.due = None
                self._ready.append(delivery)
        return self._ready.popleft() if self._ready else None

    def next_due(self) -> int | None:
        """Return when the next waiting delivery is to be tried."""
        return self._due[0][0] if self._due else None

    def delivered(self, delivery: Delivery, now: int) -> None:
        """Let go of a delivery that got through, or that is not to be made any more."""
        self.delivered_since = True
        if delivery.waiting:
            self._let_go(delivery)
        self._settled(delivery, now)

    def failed(self, delivery: Delivery, error: str, due: int | None, now: int) -> None:
        """Have a delivery wait until `due`, and what is behind it with it; with `due` None it is dead."""
        delivery.error, delivery.at = error, now
        if due is None:
            self._waiting.pop(delivery.place, None)
            delivery.waiting, delivery.dead, delivery.due = False, True, None
            self._changed[delivery.place] = delivery
            self._bury(delivery.place)
            self._settled(delivery, now)
            return
        for each in self._lines[delivery.profile_id]:
            self._close(each)
            self._wait(each, now)
        self._schedule(delivery, due)

    def replay(self, delivery: Delivery, now: int) -> None:
        """Try a dead delivery anew, first of its profile or behind the one in flight; others say nothing."""
        if delivery.place in self._waiting:
            return
        self._dead.pop(delivery.place, None)
        delivery.waiting = False
        line = self._lines.setdefault(delivery.profile_id, deque())
        line.append(delivery)
        self._wait(delivery, now)
        if len(line) == 1:
            self._schedule(delivery, now)

    def take_changed(self) -> list[tuple[Place, Delivery | None]]:
        """Return the records that changed since they were last taken; None: it is to be removed."""
        changed, self._changed = self._changed, {}
        self.delivered_since = False
        return list(changed.items())

    def anew(self, now: int) -> "Queue":
        """Return the queue as it would be read back, with nothing in flight."""
        return Queue(self.safe_positions(), self._waiting.values(), self._dead, now)

    def kept(self) -> list[Place]:
        """Return the places of all records that there are."""
        return [*self._waiting, *self._dead]

    def safe_positions(self) -> Positions:
        """Return where to read on after a crash: before every open change."""
        return {partition: next(iter(self._open.get(partition, ())), at) for partition, at in self.positions.items()}

    def _wait(self, delivery: Delivery, now: int) -> None:
        if not delivery.waiting:
            delivery.waiting, delivery.at, delivery.dead = True, now, False
            self._waiting[delivery.place] = delivery
        delivery.change = None
        self._changed[delivery.place] = delivery

    def _schedule(self, delivery: Delivery, due: int) -> None:
        delivery.due = due
        heappush(self._due, (due, delivery.place, delivery))

    def _close(self, delivery: Delivery) -> None:
        partition, offset = delivery.place
        opened = self._open.get(partition, {})
        if offset in opened:
            del opened[offset]
            self._open_count -= 1

    def _settled(self, delivery: Delivery, now: int) -> None:
        """Go on to the profile's next delivery."""
        self._close(delivery)
        line = self._lines[delivery.profile_id]
        line.popleft()
        if not line:
            del self._lines[delivery.profile_id]
        elif line[0].waiting:
            self._schedule(line[0], now)
        else:
            self._ready.append(line[0])

    def _let_go(self, delivery: Delivery) -> None:
        del self._waiting[delivery.place]
        delivery.waiting = False
        self._changed[delivery.place] = None

    def _bury(self, place: Place) -> None:
        self._dead[place] = None
        if len(self._dead) > DEAD_MOST:
            oldest = next(iter(self._dead))
            del self._dead[oldest]
            self._changed[oldest] = None
