"""Two clocks agree: events that are processed late, all at once, lead to the memberships that live ones led to."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.segments.compile import Compiled, compile_set
from processors.segments.definition import parse
from schemas.times import to_millis
from tests.unit.processors.identity.shop import Event
from tests.unit.processors.partition.simulation import Simulation
from tests.unit.processors.partition.test_rollout import folded, members
from tests.unit.processors.partition.test_simulation import people

SEEN = {"event": "Seen"}
WHERES: dict[str, Any] = {
    "lately": {**SEEN, "within": "4s"},
    "twice": {**SEEN, "count": {"op": "gte", "value": 2}, "within": "6s"},
    "silent": {**SEEN, "not_followed_by": {"event": "Bought"}, "for": "3s"},
    "gone": {"not": {**SEEN, "within": "5s"}},
    "recent": {"metric": "activity.last_seen", "op": "within", "value": "7s"},
}


def compiled() -> Compiled:
    return compile_set({id_: (1, parse({"id": id_, "where": where})) for id_, where in WHERES.items()})


def begin() -> Simulation:
    simulation = Simulation(3)
    simulation.now = 0
    simulation.define(compiled())
    simulation.settle()
    return simulation


@settings(max_examples=100, deadline=None)
@given(st.lists(people, max_size=8), st.randoms(use_true_random=False), st.integers(12, 25))
def test_processing_late_ends_where_processing_live_did(events: list[Event], chance: random.Random, end: int) -> None:
    live, late = begin(), begin()
    for event in sorted(events, key=lambda each: str(each["occurred_at"])):
        live.now = max(live.now, millis(event))
        live.produce(event)
        live.settle()
        for _ in range(chance.randint(0, 2)):
            live.now += 500
            live.tick()
            live.settle()
    shuffled = chance.sample(events, len(events))
    for event in shuffled:
        late.produce(event)
    late.now = end * 1000
    late.settle()
    for simulation in (live, late):
        simulation.now = max(live.now, end * 1000)
        # A batch takes the timers that are due; what they lead to may be due as well.
        for _ in range(3):
            simulation.tick()
            simulation.settle()
    assert members(live) == members(late)
    for simulation in (live, late):
        shown = {(id_, segment) for id_, segments in members(simulation).items() for segment in segments}
        assert folded(simulation) == shown


def millis(event: Event) -> int:
    return to_millis(str(event["occurred_at"]))
