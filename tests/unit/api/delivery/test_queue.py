"""The queue of one subscription: nothing lost at any crash, in order per profile, bounded for a dead receiver."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from api.delivery import queue as queues
from api.delivery.queue import Delivery, Place, Queue

PAUSE = 1_000
TRIES = 3


class World:
    """A log, a receiver that fails as the dice say, and what survives a crash: positions and records."""

    def __init__(self, profiles: list[int], failing: float, seed: int) -> None:
        self.dice = random.Random(seed)
        self.failing = failing
        self.log = [
            ((number % 2, number // 2), f"p{profile * 2 + number % 2}") for number, profile in enumerate(profiles)
        ]
        self.now = 0
        self.positions: dict[int, int] = {}
        self.records: dict[Place, Delivery] = {}
        self.tried: dict[str, list[Place]] = {}
        self.delivered: set[Place] = set()
        self.flying: list[Delivery] = []
        self.queue = Queue({})

    def read(self) -> None:
        for place, profile in self.log:
            if self.queue.room and place[1] == self.queue.positions.get(place[0], 0):
                self.queue.offer(delivery(place, profile), self.now)
                break
        if started := self.queue.next(self.now):
            self.flying.append(started)

    def finish(self) -> None:
        if not self.flying:
            due = self.queue.next_due()
            self.now = max(self.now, due or self.now) + 1
            return
        each = self.flying.pop(self.dice.randrange(len(self.flying)))
        self.tried.setdefault(each.profile_id, []).append(each.place)
        each.attempts += 1
        if self.dice.random() < self.failing:
            due = self.now + PAUSE if each.attempts < TRIES else None
            self.queue.failed(each, "no", due, self.now)
        else:
            self.delivered.add(each.place)
            self.queue.delivered(each, self.now)

    def write(self) -> None:
        positions = self.queue.safe_positions()
        for place, each in self.queue.take_changed():
            if each is None:
                self.records.pop(place, None)
            else:
                self.records[place] = copy(each)
        self.positions = positions

    def crash(self) -> None:
        self.flying = []
        waiting = [copy(each) for each in self.records.values() if not each.dead]
        dead = [place for place, each in self.records.items() if each.dead]
        self.queue = Queue(self.positions, waiting, dead, self.now)

    @property
    def done(self) -> bool:
        everything = all(offset < self.queue.positions.get(partition, 0) for (partition, offset), _ in self.log)
        return everything and not self.flying and not self.queue.waiting and not self.queue.open


def delivery(place: Place, profile: str) -> Delivery:
    return Delivery(place, f"{place}", "vip", profile, 1)


def copy(each: Delivery) -> Delivery:
    found = delivery(each.place, each.profile_id)
    found.attempts, found.due, found.dead, found.waiting = each.attempts, each.due, each.dead, each.waiting
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 3), max_size=25),
    st.sampled_from([0.0, 0.4, 1.0]),
    st.integers(0, 2**32),
    st.lists(st.sampled_from(["read", "read", "finish", "finish", "write", "crash"]), max_size=120),
)
def test_nothing_is_lost_and_each_profile_keeps_its_order(
    profiles: list[int], failing: float, seed: int, steps: list[str]
) -> None:
    world = World(profiles, failing, seed)
    for step in steps:
        getattr(world, step)()
    for _ in range(2_000):
        if world.done:
            break
        world.read()
        world.finish()
        world.write()
    assert world.done
    world.write()
    dead = {place for place, each in world.records.items() if each.dead}
    assert world.delivered | dead == {place for place, _ in world.log}
    assert all(each.dead for each in world.records.values())
    if "crash" not in steps:
        assert world.delivered.isdisjoint(dead)
        for places in world.tried.values():
            assert places == sorted(places)


def test_a_dead_receiver_needs_no_more_memory_for_more_changes() -> None:
    queue = Queue({})
    for offset in range(10 * queues.WAITING_MOST):
        if not queue.room:
            break
        queue.offer(delivery((0, offset), f"p{offset}"), 0)
        while each := queue.next(0):
            queue.failed(each, "no", 10**9, 0)
    assert queue.waiting == queues.WAITING_MOST
    assert queue.room == 0
    assert queue.safe_positions() == {0: queues.WAITING_MOST}


def test_the_oldest_dead_deliveries_leave_a_full_list() -> None:
    queue = Queue({})
    for offset in range(queues.DEAD_MOST + 5):
        queue.offer(delivery((0, offset), f"p{offset}"), 0)
        each = queue.next(0)
        assert each is not None
        queue.failed(each, "no", None, 0)
    assert [place for place, each in queue.take_changed() if each is None] == [(0, offset) for offset in range(5)]
    assert len(queue.kept()) == queues.DEAD_MOST


def test_what_is_replayed_is_tried_once_more_as_if_new() -> None:
    queue = Queue({})
    queue.offer(delivery((0, 0), "p"), 0)
    each = queue.next(0)
    assert each is not None
    queue.failed(each, "no", None, 0)
    again = delivery((0, 0), "p")
    again.waiting = True
    queue.replay(again, 5)
    queue.replay(delivery((0, 0), "p"), 5)
    assert queue.waiting == 1
    tried = queue.next(5)
    assert tried is again
    queue.delivered(again, 6)
    assert queue.waiting == 0
    assert queue.next(6) is None
    assert queue.take_changed() == [((0, 0), None)]
