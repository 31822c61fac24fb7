"""A definition that comes after the events names the same people as one that came before them."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.partition.keys import profile_key, view_key
from processors.segments.compile import Compiled, compile_set
from processors.segments.definition import parse
from schemas.identifier import Identifier, seed_of
from tests.unit.processors.identity.shop import Event, at
from tests.unit.processors.partition.simulation import TOPICS, Simulation
from tests.unit.processors.partition.test_simulation import people

WHERES: dict[str, Any] = {
    "thrice": {"event": "Seen", "count": {"op": "gte", "value": 3}},
    "lately": {"event": "Seen", "within": "100d"},
    "quiet": {"not": {"event": "Seen", "count": {"op": "gte", "value": 2}}},
    "known": {"metric": "activity.events", "op": "gte", "value": 2},
    "spent": {"event": "Seen", "sum": {"property": "total", "op": "eq", "value": 3}},
    "both": {"all": [{"segment": "thrice"}, {"segment": "known"}]},
}


def compiled(*ids: str, version: int = 1) -> Compiled:
    definitions: dict[str, Any] = {}
    for id_ in ids:
        known = {each: definition for each, (_, definition) in definitions.items()}
        definitions[id_] = (version, parse({"id": id_, "name": id_, "where": WHERES[id_]}, known))
    return compile_set(definitions)


def members(simulation: Simulation) -> dict[str, list[str]]:
    return {id_: [each["id"] for each in profile["segments"]] for id_, profile in simulation.profiles().items()}


def documents(simulation: Simulation) -> dict[str, dict[str, Any]]:
    """Return the profiles without what depends on when definitions came."""
    without = ("version", "segments")
    return {
        id_: {key: value for key, value in profile.items() if key not in without}
        for id_, profile in simulation.profiles().items()
    }


def folded(simulation: Simulation) -> set[tuple[str, str]]:
    """Return the memberships that the change stream says, after checking that it alternates without gaps."""
    state: dict[tuple[str, str], int] = {}
    for change in simulation.changes():
        pair = (change["profile_id"], change["segment_id"])
        assert change["sequence"] == state.get(pair, 0) + 1
        assert change["change"] == ("entered" if change["sequence"] % 2 else "exited")
        state[pair] = change["sequence"]
    return {pair for pair, sequence in state.items() if sequence % 2}


ALL = tuple(WHERES)


@settings(max_examples=120, deadline=None)
@given(st.lists(people, max_size=12), st.randoms(use_true_random=False), st.integers(0, 12))
def test_before_between_or_after_the_events(events: list[Event], chance: random.Random, when: int) -> None:
    early = Simulation(4)
    early.now = 20_000
    early.define(compiled(*ALL))
    late = Simulation(4)
    late.now = 20_000
    for index, event in enumerate(events):
        early.produce(event)
        late.produce(event)
        if index == when:
            late.settle()
            late.define(compiled(*ALL[: chance.randint(0, len(ALL))]))
        elif chance.random() < 0.3:
            late.step(chance.choice(late.names), chance.choice([1, 3]), chance.choice([None, None, "before", "after"]))
    late.define(compiled(*ALL))
    early.settle()
    late.settle()
    assert members(late) == members(early)
    assert documents(late) == documents(early)
    for simulation in (early, late):
        shown = {(id_, segment) for id_, segments in members(simulation).items() for segment in segments}
        assert folded(simulation) == shown


def paid(event: Event) -> Event:
    return Event({**event, "properties": {"total": 1}})


@settings(max_examples=150, deadline=None)
@given(st.lists(people, max_size=12), st.randoms(use_true_random=False))
def test_clauses_that_come_and_go_leave_nothing_behind(events: list[Event], chance: random.Random) -> None:
    steady = Simulation(3)
    steady.now = 20_000
    steady.define(compiled(*ALL))
    busy = Simulation(3)
    busy.now = 20_000
    for event in events:
        steady.produce(paid(event))
        busy.produce(paid(event))
        if chance.random() < 0.5:
            ids = chance.sample(ALL, chance.randint(0, len(ALL)))
            some = compiled(*(id_ for id_ in ALL if id_ in ids and (id_ != "both" or {"thrice", "known"} <= {*ids})))
            # A unit that was away hears of the next set only.
            hearing = [name for name in busy.names if chance.random() < 0.8]
            busy.define(some, hearing)
        if chance.random() < 0.4:
            busy.settle()
        elif chance.random() < 0.5:
            busy.step(chance.choice(busy.names), chance.choice([1, 3]), chance.choice([None, None, "before", "after"]))
            busy.sweep(chance.choice(busy.names))
    busy.define(compiled(*ALL, version=9))
    steady.settle()
    busy.settle()
    assert members(busy) == members(steady)
    for id_, profile in busy.profiles().items():
        assert folded(busy) >= {(id_, each["id"]) for each in profile["segments"]}


def test_a_sum_that_comes_back_counts_each_event_once() -> None:
    simulation = Simulation(2)
    simulation.now = 20_000
    for name, ids in (("a", ["spent"]), ("b", []), ("c", ["spent"])):
        simulation.define(compiled(*ids))
        simulation.produce(paid(at(1, message=name, u="u1")))
        simulation.settle()
    assert list(members(simulation).values()) == [["spent"]]


def test_a_deleted_definition_exits_everybody_and_a_new_version_is_looked_at() -> None:
    simulation = Simulation(4)
    simulation.now = 20_000
    for event in [at(1, u="u1"), at(2, u="u1"), at(3, u="u2")]:
        simulation.produce(event)
    simulation.define(compiled("known", "quiet"))
    simulation.settle()
    assert sorted(map(sorted, members(simulation).values())) == [["known"], ["quiet"]]
    simulation.define(compiled("quiet", version=2))
    simulation.settle()
    assert sorted(members(simulation).values()) == [[], ["quiet"]]
    assert [c["because"]["kind"] for c in simulation.changes() if c["change"] == "exited"] == ["definition"]
    assert len(simulation.changes()) == 3


def test_a_person_with_a_new_profile_id_moves_and_a_surplus_one_leaves() -> None:
    simulation = Simulation(4)
    simulation.now = 60_000
    simulation.define(compiled("known"))
    for event in [at(1, a="a1"), at(2, a="a1")]:
        simulation.produce(event)
    simulation.settle()
    simulation.produce(at(3, u="u1", a="a1"))
    simulation.settle()
    entered, moved_in, moved_out = sorted(simulation.changes(), key=lambda c: (c["sequence"], c["because"]["kind"]))
    assert moved_in["because"] == {"kind": "identity", "moved_from": entered["profile_id"]}
    assert moved_out["because"] == {"kind": "identity", "moved_to": moved_in["profile_id"]}
    for event in [at(4, e="j@x.fr"), at(5, e="j@x.fr")]:
        simulation.produce(event)
    simulation.settle()
    simulation.produce(at(6, u="u1", e="j@x.fr"))
    simulation.settle()
    surplus = [c for c in simulation.changes() if c["change"] == "exited"][-1]
    assert [
        c["because"] for c in simulation.changes() if c["change"] == "exited" and "moved_to" not in c["because"]
    ] == [{"kind": "identity"}], surplus


def test_whom_a_new_definition_does_not_concern_nothing_is_written_about() -> None:
    simulation = Simulation(1)
    simulation.now = 20_000
    for number in range(20):
        simulation.produce(at(number + 1, message=f"m{number}", u=f"u{max(number, 1)}"))
    simulation.settle()
    simulation.define(compiled("known"))
    effects = simulation.machines[0].sweep(simulation.now)
    profile_id = seed_of(Identifier("user_id", "u1"))
    assert {key for key in effects.writes if not key.startswith(b"m:")} == {
        profile_key(profile_id),
        view_key(profile_id),
    }
    assert [key for topic, key, _, _ in effects.sends if topic == TOPICS.profiles] == [profile_id]
