"""What only large components and busy devices need, tried on small ones: kept groupings, chunks of records."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity import records, regroup, store
from processors.identity.evidence import Item, link, split
from processors.identity.policy import Policy
from schemas.identifier import Identifier, seed_of
from tests.unit.processors.identity.shop import Event, System, at, check, run, same
from tests.unit.processors.identity.test_fold import POLICIES, events
from tests.unit.processors.identity.test_operators import decisions


@contextmanager
def everything_is_large() -> Iterator[None]:
    with (
        patch.object(regroup, "KEEP_GROUPING", 0),
        patch.object(records, "RUNS_A_CHUNK", 2),
        patch.object(store, "WEAK_A_CHUNK", 1),
    ):
        yield


@settings(max_examples=500, deadline=None)
@given(
    st.lists(events(), max_size=12),
    st.lists(decisions(), max_size=2, unique_by=lambda item: item[-4]),
    POLICIES,
    st.randoms(),
    st.integers(1, 5),
    st.booleans(),
)
def test_the_fold_equals_the_definition_in_any_size(
    given_events: list[Event],
    given_decisions: list[Item],
    policy: Policy,
    order: random.Random,
    batch: int,
    crash: bool,
) -> None:
    arrival: list[Event | Item] = [*given_events, *given_decisions, *given_events[::2]]
    order.shuffle(arrival)
    with everything_is_large():
        check(run(arrival, policy, batch, crash), same(given_events, policy, given_decisions))


@pytest.mark.parametrize("seed", range(8))
def test_a_large_component_in_random_order(seed: int) -> None:
    """People around a few addresses and phones: joins, refusals and undone joins by the dozen."""
    chance = random.Random(seed)
    people = [
        at(
            chance.randrange(500),
            u=f"u{chance.randrange(80)}",
            **{chance.choice("ep"): f"{chance.randrange(60)}@x"},
        )
        for _ in range(300)
    ]
    ties = [at(chance.randrange(500), e=f"{chance.randrange(60)}@x", p=f"{chance.randrange(60)}@x") for _ in range(60)]
    everything = [*people, *ties]
    chance.shuffle(everything)
    check(run(everything, batch=7, crash=seed % 2 == 1), same(everything))


@pytest.mark.parametrize("crash", [False, True])
def test_a_busy_device(crash: bool) -> None:
    """Three people take turns a thousand times, told in random order."""
    chance = random.Random(1)
    visits = [at(t, a="kiosk", u=f"u{chance.randrange(3)}", message=f"m{t}") for t in range(1000)]
    told = chance.sample(visits, len(visits))
    check(run(told, batch=100, crash=crash), same(visits))


def test_a_person_with_many_cookies() -> None:
    """Never shared; and when the person turns out to be somebody else's e-mail address, every cookie follows."""
    visits = [at(t, e="j@x.fr", a=f"a{t}") for t in range(350)]
    system = run(visits, batch=50, crash=True)
    system.receive(at(1000, u="u1", e="j@x.fr"))
    system.settle()
    for t in range(350):
        assert system.view.profile_at(Identifier("anonymous_id", f"a{t}"), 0) == seed_of(Identifier("user_id", "u1"))


def test_a_shared_device_costs_nothing_more() -> None:
    policy = Policy(shared_threshold=20)
    visits = [at(t, u=f"u{t}", a="kiosk") for t in range(60)]
    system = run(visits, policy)
    check(system, same(visits, policy))
    kiosk = Identifier("anonymous_id", "kiosk")
    assert system.view.of(kiosk) == [(None, None, seed_of(kiosk))]
    assert [d["a"]["value"] for d in system.decisions.values() if d["kind"] == "shared"] == ["kiosk"]
    written = System(policy)
    written.kept = system.kept
    written.crash()
    outcome = written.fold.fold([["login", *kiosk, "user_id", "new", 99_000, "m", "e"]], 99)
    assert (outcome.assignments, outcome.decisions, outcome.watches) == ([], [], [])
    assert sum(map(len, (value or b"" for value in outcome.writes.values()))) < 500


def test_a_threshold_is_exceeded_by_the_one_above_it() -> None:
    policy = Policy(shared_threshold=3)
    three = [at(t, u=f"u{t}", e="info@x.fr") for t in range(3)]
    info = Identifier("email", "info@x.fr")
    system = run(three, policy)
    assert system.view.profile_at(info, 0) == seed_of(Identifier("user_id", "u0"))
    system.receive(at(3, u="u3", e="info@x.fr"))
    system.settle()
    assert system.view.profile_at(info, 0) == seed_of(info)
    check(system, same([*three, at(3, u="u3", e="info@x.fr")], policy))


def test_a_kept_grouping_learns_that_somebody_exists() -> None:
    events = [at(1, u="u2", previous="u1"), at(2, u="u2", e="e1"), at(3, u="u1")]
    with everything_is_large():
        check(run(events), same(events))


def test_a_kept_grouping_learns_of_an_earlier_login() -> None:
    """Two addresses of one person without an account: the profile is known by the one with the earliest evidence."""
    events = [at(5, e="e1", p="+331"), at(6, e="e2", p="+331"), at(1, e="e2", a="a1")]
    with everything_is_large():
        check(run(events), same(events))


def test_a_kept_grouping_lets_go_of_whom_a_late_event_displaces() -> None:
    policy = Policy(limits={"user_id": 1, "email": 5, "phone": 1})
    events = [at(5, e="e1", p="+331"), at(6, e="e1", p="+333"), at(1, e="e1", p="+332")]
    with everything_is_large():
        check(run(events, policy), same(events, policy))


def test_a_kept_grouping_obeys_operators() -> None:
    """A link and a split of members of one component, which was grouped before."""
    u1, u2, email = Identifier("user_id", "u1"), Identifier("user_id", "u2"), Identifier("email", "e1")
    events = [at(1, u="u1", e="e1"), at(2, u="u2", e="e1")]
    for decision in (link(u1, u2, "d1", "same", 9000, "ann"), split([email], u1, "d2", "no", 9000, "ann")):
        with everything_is_large():
            check(run([*events, decision]), same(events, None, [decision]))
