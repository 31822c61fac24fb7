"""Laws of the whole protocol: whatever the order, the repetitions, the partitions and the crashes, the answer is
one.
"""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity.evidence import link, release, split
from processors.identity.policy import Policy
from processors.identity.resolve import resolve
from processors.partition.messages import encode
from schemas.codec import loads
from schemas.identifier import Identifier, seed_of
from tests.unit.processors.identity.shop import Event, at
from tests.unit.processors.partition.simulation import TOPICS, Simulation, run


def public(simulation: Simulation) -> dict[str, Any]:
    """Return the profiles without what tells when they were published."""
    profiles = simulation.profiles()
    for profile in profiles.values():
        profile.pop("version")
    return profiles


def expected_events(events: list[Event]) -> dict[str, int]:
    """Return how many activity events each person has, by the plain function."""
    world = resolve(events, Policy.default())
    counts: dict[str, int] = {}
    for event in {event["event_id"]: event for event in events}.values():
        owner = world.profiles[event["event_id"]]
        counts[owner] = counts.get(owner, 0) + (event["type"] == "track")
    return counts


def check(simulation: Simulation, events: list[Event]) -> None:
    profiles = simulation.profiles()
    found = {id_: profile["activity"]["events"] for id_, profile in profiles.items()}
    assert {id_: n for id_, n in found.items() if n} == {id_: n for id_, n in expected_events(events).items() if n}
    for profile in profiles.values():
        assert profile["profile_id"] not in profile["aliases"]


def test_an_anonymous_visitor_becomes_known() -> None:
    events = [at(1, a="a1"), at(2, a="a1"), at(3, u="u1", a="a1", e="jane@x.fr")]
    simulation = run(events, batch=1)
    check(simulation, events)
    [profile] = simulation.profiles().values()
    assert [(i["type"], i["value"]) for i in profile["identifiers"]] == [
        ("user_id", "u1"),
        ("email", "jane@x.fr"),
        ("anonymous_id", "a1"),
    ]
    assert profile["activity"]["events"] == 3


def test_a_shared_tablet_is_cut_in_time() -> None:
    events = [at(1, a="a1"), at(2, u="u1", a="a1"), at(3, a="a1"), at(4, u="u2", a="a1"), at(5, a="a1")]
    for order in (events, events[::-1], [events[i] for i in (4, 2, 0, 1, 3)]):
        simulation = run(order, batch=1)
        check(simulation, events)
        assert sorted(p["activity"]["events"] for p in simulation.profiles().values()) == [2, 3]


def test_a_question_that_comes_again_before_its_answer_is_answered_with_everything_since() -> None:
    simulation = Simulation(1)
    watch = encode("", [["watch", ["user_id", "u1"], ["device_id", "d1"]]]).replace(
        b'"to":""', f'"to":"{seed_of(Identifier("user_id", "u1"))}"'.encode()
    )
    for second in (1, 2):
        simulation.produce(at(second, u="u1", d="d1"))
        simulation.step(0, crash="after")
        simulation.logs[TOPICS.inbox, 0].append(("u1", watch))
        # What it leads to is committed, its question not answered yet.
        simulation.step(0, crash="after")
    before = len(simulation.logs[TOPICS.evidence, 0])
    simulation.step(0)
    told = [loads(value or b"")["items"] for _, value in simulation.logs[TOPICS.evidence, 0][before:]]
    assert sorted({item[5] for items in told for item in items}) == [1000, 2000]


identifier = st.sampled_from
people = st.builds(
    lambda t, who: at(t, **who),
    st.integers(1, 12),
    st.fixed_dictionaries(
        {},
        optional={
            "u": identifier(["u1", "u2", "u3"]),
            "a": identifier(["a1", "a2"]),
            "e": identifier(["j@x.fr", "k@x.fr"]),
            "d": identifier(["d1"]),
        },
    ).filter(bool),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(people, max_size=14), st.randoms(use_true_random=False), st.sampled_from([1, 4, 16]))
def test_every_order_gives_the_answer_of_the_plain_function(
    events: list[Event], chance: random.Random, partitions: int
) -> None:
    order = [*events, *chance.sample(events, len(events) // 2)]
    chance.shuffle(order)
    simulation = run(order, partitions, batch=chance.choice([1, 2, 5, 100]))
    check(simulation, events)
    assert public(simulation) == public(run(events, 4))


@settings(max_examples=150, deadline=None)
@given(st.lists(people, max_size=14), st.randoms(use_true_random=False))
def test_crashes_anywhere_change_nothing(events: list[Event], chance: random.Random) -> None:
    simulation = Simulation(4)
    waiting = list(events)
    while waiting or any(simulation.pending(name) for name in simulation.names):
        if waiting and chance.random() < 0.5:
            simulation.produce(waiting.pop(0))
        crash = chance.choice([None, None, "before", "after"])
        simulation.step(chance.choice(simulation.names), chance.choice([1, 2, 10]), crash, chance.shuffle)
    simulation.settle()
    check(simulation, events)
    assert public(simulation) == public(run(events))


named = st.sampled_from([Identifier("user_id", "u1"), Identifier("user_id", "u2"), Identifier("email", "j@x.fr")])
operators = st.one_of(
    st.builds(
        lambda a, b, at, id_: link(a, b, id_, "said so", at * 1000, "op"),
        *[st.sampled_from([Identifier("user_id", "u1"), Identifier("user_id", "u2"), Identifier("email", "j@x.fr")])]
        * 2,
        st.integers(20, 30),
        st.uuids().map(str),
    ).filter(lambda item: item[1:3] != item[3:5]),
    st.builds(
        lambda a, at, id_: release(a, id_, "gone", at * 1000, "op"),
        st.sampled_from([Identifier("email", "j@x.fr"), Identifier("anonymous_id", "a1"), Identifier("user_id", "u2")]),
        st.integers(0, 14),
        st.uuids().map(str),
    ),
    st.builds(
        lambda a, b, at, id_: split([a], b, id_, "not them", at * 1000, "op"),
        st.sampled_from([Identifier("email", "j@x.fr"), Identifier("user_id", "u2")]),
        st.just(Identifier("user_id", "u1")),
        st.integers(20, 30),
        st.uuids().map(str),
    ),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(people, max_size=10), st.lists(operators, max_size=3), st.randoms(use_true_random=False))
def test_operators_decide_in_any_order_with_the_events(
    events: list[Event], decisions: list[Any], chance: random.Random
) -> None:
    simulation = Simulation(4)
    for each in chance.sample([*events, *decisions], len(events) + len(decisions)):
        if isinstance(each, list):
            simulation.decide(each)
        else:
            simulation.produce(each)
        if chance.random() < 0.5:
            simulation.settle()
    simulation.settle()
    world = resolve(events, Policy.default(), decisions)
    counts: dict[str, int] = {}
    for event in {event["event_id"]: event for event in events}.values():
        owner = world.profiles[event["event_id"]]
        counts[owner] = counts.get(owner, 0) + 1
    found = {id_: profile["activity"]["events"] for id_, profile in simulation.profiles().items()}
    assert {id_: n for id_, n in found.items() if n} == counts


def test_an_event_whose_id_somebody_else_s_event_has_counts_for_that_one_only() -> None:
    for at_once in (True, False):
        kept, lost = at(1, message="m1", u="u1"), at(1, message="m1", u="u2")
        other = at(2, u="u3")
        simulation = Simulation(4)
        for event in (kept, lost, other):
            simulation.produce(event)
        if not at_once:
            simulation.settle()
        simulation.lose(lost)
        simulation.settle()
        found = {profile["identifiers"][0]["value"] for profile in simulation.profiles().values()}
        assert found == {"u1", "u3"}
