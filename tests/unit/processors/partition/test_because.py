"""A change names the event that made it so, also where several of one person's events are folded together."""

from typing import Any

import pytest

from processors.segments.compile import compile_set
from processors.segments.definition import parse
from tests.unit.processors.identity.shop import Event, at
from tests.unit.processors.partition.simulation import Simulation

FRENCH = {"trait": "address.country", "op": "eq", "value": "FR"}
GRANTED = {"consent": "email", "op": "granted"}
LATELY = {"consent": "email", "op": "within", "value": "90d"}


def said(t: int, **parts: Any) -> Event:
    return Event({**at(t, u="u1"), **parts})


EVENTS = [
    said(1),
    said(2, type="identify", traits={"address": {"country": "FR"}, "plan": "gold"}),
    said(3, context={"consent": {"categoryPreferences": {"email": True}}}),
    said(4, type="identify", traits={"plan": "basic"}),
    said(5),
]


@pytest.mark.parametrize("batch", [1, len(EVENTS)])
@pytest.mark.parametrize(("where", "place"), [(FRENCH, 1), (GRANTED, 2), (LATELY, 2)])
def test_the_event_that_wrote_a_field_is_named(where: dict[str, Any], place: int, batch: int) -> None:
    simulation = Simulation(1)
    simulation.now = 20_000
    simulation.define(compile_set({"s": (1, parse({"id": "s", "name": "s", "where": where}, {}))}))
    for event in EVENTS:
        simulation.produce(event)
    while simulation.pending(0):
        simulation.step(0, batch)
    simulation.settle()
    (change,) = simulation.changes()
    assert change["because"] == {"kind": "event", "event_id": EVENTS[place]["event_id"]}
    assert change["at"] == f"1970-01-01T00:00:0{place + 1}.000Z"
