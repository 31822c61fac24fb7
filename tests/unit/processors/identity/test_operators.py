"""Operators' decisions outrank evidence, survive replay, and come to the same in every order."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity.evidence import Item, link, release, split
from processors.identity.policy import Policy
from schemas.identifier import Identifier, is_weak, seed_of
from tests.unit.processors.identity.shop import TYPES, Event, at, check, run, same
from tests.unit.processors.identity.test_fold import LETTERS, POLICIES, events

IDENTIFIERS = st.sampled_from([Identifier(TYPES[letter], value) for letter in LETTERS for value in LETTERS[letter]])
STRONG = IDENTIFIERS.filter(lambda identifier: not is_weak(identifier.type))


@st.composite
def decisions(draw: st.DrawFn) -> Item:
    decision_id, when = f"d{draw(st.integers(0, 99))}", 1000 * draw(st.integers(0, 14))
    match draw(st.sampled_from(["link", "split", "release"])):
        case "link":
            return link(draw(STRONG), draw(STRONG), decision_id, "same person", when, "ann")
        case "split":
            named = draw(st.lists(STRONG, min_size=1, max_size=2, unique=True))
            return split(named, draw(STRONG), decision_id, "two people", when, "ann")
        case _:
            return release(draw(IDENTIFIERS), decision_id, "reassigned", when, "ann")


@settings(max_examples=600, deadline=None)
@given(
    st.lists(events(), max_size=10),
    st.lists(decisions(), max_size=4, unique_by=lambda item: item[-4]),
    POLICIES,
    st.randoms(),
    st.integers(1, 5),
    st.booleans(),
)
def test_with_operators_too_the_fold_equals_the_definition(
    given_events: list[Event],
    given_decisions: list[Item],
    policy: Policy,
    order: random.Random,
    batch: int,
    crash: bool,
) -> None:
    world = same(given_events, policy, given_decisions)
    arrival: list[Event | Item] = [*given_events, *given_decisions, *given_events[::2], *given_decisions[::2]]
    order.shuffle(arrival)
    check(run(arrival, policy, batch, crash), world)


def test_a_neighbour_that_is_shared_no_longer_is_not_counted_twice() -> None:
    """A phone seen with an address of two people: once they released the address, it has one neighbour as before."""
    policy = Policy(shared_threshold=1)
    before = [at(1, u="u1", e="e1"), at(2, u="u2", e="e1"), at(3, e="e1", p="+331")]
    after = [at(9, e="e1", p="+331"), at(10, u="u3", e="e2")]
    let_go = release(Identifier("email", "e1"), "d1", "reassigned", 5000, "ann")
    system = run([*before, let_go, *after], policy)
    phone, email = Identifier("phone", "+331"), Identifier("email", "e1")
    assert system.view.profile_at(phone, 0) == system.view.profile_at(email, 0) == seed_of(email)
    check(system, same([*before, *after], policy, [let_go]))


def test_a_neighbours_release_does_not_lower_the_count() -> None:
    policy = Policy(shared_threshold=2)
    events = [at(1, u="u1", e="e1"), at(2, u="u2", e="e1"), at(9, u="u3", e="e1")]
    let_go = release(Identifier("user_id", "u1"), "d1", "mistyped", 5000, "ann")
    arrivals: list[list[Any]] = [[*events, let_go], [let_go, *events], [*events[:2], let_go, events[2]]]
    for arrival in arrivals:
        system = run(arrival, policy, crash=True)
        assert [d["a"]["value"] for d in system.decisions.values() if d["kind"] == "shared"] == ["e1"]
        check(system, same(events, policy, [let_go]))


def test_linked_addresses_count_as_one() -> None:
    policy = Policy(limits={"user_id": 1, "email": 2})
    events = [at(1, u="u1", e="e1"), at(2, u="u1", e="e2"), at(3, u="u1", e="e3"), at(4, u="u1", e="e4")]
    linked = link(Identifier("email", "e1"), Identifier("email", "e2"), "d1", "a typing error", 9000, "ann")
    world = same(events, policy, [linked])
    assert {identifier.value for identifier in world.groups()[Identifier("user_id", "u1")]} == {"u1", "e1", "e2", "e3"}
    check(run([*events, linked], policy), world)


def test_the_newest_link_is_made_first() -> None:
    one, two, three = (Identifier("user_id", f"u{n}") for n in (1, 2, 3))
    events = [at(n, u=f"u{n}", e=f"e{n}") for n in (1, 2, 3)]
    apart = split([one], three, "d1", "two people", 1000, "ann")
    older, newer = link(one, two, "d2", "same", 2000, "ann"), link(two, three, "d3", "same", 3000, "bob")
    world = same(events, Policy.default(), [apart, older, newer])
    assert world.owners[two] == world.owners[three] == two
    system = run([*events, older, apart, newer])
    check(system, world)
    assert (system.decisions["d2"]["kind"], system.decisions["d3"]["kind"]) == ("refuse", "link")


def test_a_release_withdraws_the_links_made_before() -> None:
    one, two = Identifier("user_id", "u1"), Identifier("user_id", "u2")
    events: list[Event | Item] = [
        at(1, u="u1", e="e1"),
        at(2, u="u2", e="e2"),
        link(one, two, "d1", "same", 3000, "ann"),
    ]
    system = run([*events, release(two, "d2", "mistaken", 4000, "ann")])
    assert {d: system.decisions[d]["kind"] for d in ("d1", "d2")} == {"d1": "withdrawn", "d2": "release"}
    assert system.view.profile_at(two, 0) == seed_of(two)
    assert system.view.profile_at(Identifier("email", "e2"), 0) == seed_of(Identifier("email", "e2"))
