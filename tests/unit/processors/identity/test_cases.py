"""The identity cases, row by row, in every order of arrival (or 200 random ones), each event twice, with restarts.

A case is its events, and what is expected: for each event the identifier whose seed is its profile, and the refusals.
"""

import random
from collections.abc import Iterable
from itertools import permutations
from math import factorial
from typing import Any

import pytest

from processors.identity.extract import identifiers_of as extracted
from processors.identity.policy import Policy
from processors.identity.resolve import resolve
from schemas.identifier import Identifier, seed_of, strength
from tests.unit.processors.identity.shop import TYPES, Event, at, check, identifiers_of, run

NAMES = {type_: letter for letter, type_ in TYPES.items()}


def heard(t: int, country: str | None = None, **message: Any) -> Event:
    """Return the event of a raw message, as the collector would extract its identifiers."""
    event = at(t, a="placeholder", message=f"m{t}-{message}")
    found = sorted(extracted(message, country), key=strength)
    event["identifiers"] = [{"type": type_, "value": value} for type_, value in found]
    event["seed"] = seed_of(found[0])
    return event


def orders_of(events: list[Event]) -> Iterable[list[Event]]:
    if factorial(len(events)) <= 200:
        yield from map(list, permutations(events))
    else:
        chance = random.Random(len(events))
        for _ in range(200):
            yield chance.sample(events, len(events))


CASES: dict[str, tuple[list[Event], list[str], list[tuple[str, str, str]]]] = {
    "anonymous, then known": (
        [at(1, a="a1"), at(2, a="a1"), at(3, u="u1", a="a1", e="jane@x.fr")],
        ["u1", "u1", "u1"],
        [],
    ),
    "several devices": (
        [at(1, a="A1"), at(2, u="u1", a="A1"), at(3, u="u1", a="A2"), at(4, u="u1", a="A3")],
        ["u1", "u1", "u1", "u1"],
        [],
    ),
    "one e-mail, two accounts": (
        [at(1, u="u1", e="j@x"), at(2, u="u2", e="j@x"), at(3, e="j@x")],
        ["u1", "u2", "u1"],
        [("u2", "j@x", "limit:user_id")],
    ),
    "shared tablet, no log-out": (
        [at(1, a="a1"), at(2, u="u1", a="a1"), at(3, a="a1"), at(4, u="u2", a="a1"), at(5, a="a1")],
        ["u1", "u1", "u1", "u2", "u2"],
        [],
    ),
    "junk ids": (
        [
            heard(1, userId="null", traits={"email": "a@x.fr"}),
            heard(2, userId="undefined", traits={"email": "b@x.fr"}),
            heard(3, userId="[object Object]", traits={"email": "c@x.fr"}),
            heard(4, userId="", anonymousId="z"),
        ],
        ["a@x.fr", "b@x.fr", "c@x.fr", "z"],
        [],
    ),
    "e-mail spelling": (
        [heard(1, userId="u1", traits={"email": " Jane.Doe@X.FR "}), heard(2, traits={"email": "jane.doe@x.fr"})],
        ["u1", "u1"],
        [],
    ),
    "phone": (
        [
            heard(1, "FR", userId="u1", traits={"phone": "06 12 34 56 78"}),
            heard(2, traits={"phone": "+33612345678"}),
            heard(3, traits={"phone": "0033 6 12 34 56 78"}),
            heard(4, "FR", userId="u2", traits={"phone": "12"}),
        ],
        ["u1", "u1", "u1", "u2"],
        [],
    ),
    "number ids": (
        [heard(1, userId=123), heard(2, userId="123"), heard(3, userId=123.0), heard(4, userId="0123")],
        ["123", "123", "123", "0123"],
        [],
    ),
    "two stores": (
        [at(1, s="777", e="a@x"), at(2, w="777", e="b@x"), at(3, e="a@x"), at(4, e="b@x")],
        ["s:777", "w:777", "s:777", "w:777"],
        [],
    ),
    "guest, then account": (
        [at(1, e="k@x", o="1001"), at(2, s="9", e="k@x"), at(3, u="u9", e="k@x", a="a7"), at(4, a="a7")],
        ["u9", "u9", "u9", "u9"],
        [],
    ),
    "late bridge": (
        [at(10, a="a1", e="x@x"), at(11, a="a2", p="+331"), at(86_400, e="x@x", p="+331"), at(12, a="a2")],
        ["x@x", "x@x", "x@x", "x@x"],
        [],
    ),
    "late event undoes a merge": (
        [at(5, u="u1", e="s@x"), at(20, u="u2", a="a1", e="s@x"), at(21, e="s@x"), at(22, a="a1")],
        ["u1", "u2", "u1", "u2"],
        [("u2", "s@x", "limit:user_id")],
    ),
    "chain at the limit": (
        [at(1, u="u1", e="e1"), at(2, e="e1", p="p1"), at(3, p="p1", e="e2"), at(4, u="u2", e="e2")],
        ["u1", "u1", "u2", "u2"],
        [("e2", "p1", "limit:user_id")],
    ),
    "back again": (
        [
            at(1, u="u1", a="a1"),
            at(2, u="u2", a="a1"),
            at(3, u="u1", a="a1"),
            at(4, a="a1"),
            at(2, a="a1"),
        ],
        ["u1", "u2", "u1", "u1", "u2"],
        [],
    ),
    "late login between": (
        [at(10, u="u1", a="a1"), at(30, u="u1", a="a1"), at(40, a="a1"), at(20, u="u2", a="a1"), at(25, a="a1")],
        ["u1", "u1", "u1", "u2", "u2"],
        [],
    ),
    "two ids of one person do not cut": (
        [at(1, u="u1", e="e1"), at(2, u="u1", a="a1"), at(3, e="e1", a="a1"), at(4, a="a1"), at(5, u="u1", a="a1")],
        ["u1", "u1", "u1", "u1", "u1"],
        [],
    ),
    "two at one instant": (
        [
            at(5, u="u1", a="a1", message="m1"),
            at(5, u="u2", a="a1", message="m2"),
            at(4, a="a1"),
            at(5, a="a1"),
            at(6, a="a1"),
        ],
        ["u1", "u2", "u1", "u2", "u2"],
        [],
    ),
    "an anonymous id and a device id join nothing": (
        [at(1, a="a1", d="d1"), at(2, u="u1", d="d1"), at(3, a="a1"), at(4, d="d1")],
        ["a1", "u1", "a1", "u1"],
        [],
    ),
    "alias of two accounts": (
        [at(1, u="u1"), at(2, u="u2", previous="u1"), at(3, u="u1", previous="u2")],
        ["u1", "u2", "u1"],
        [("u1", "u2", "limit:user_id")],
    ),
    "alias of an anonymous id": (
        [at(1, a="a1"), at(2, u="u2", previous="a1"), at(3, a="a1")],
        ["u2", "u2", "u2"],
        [],
    ),
    "alias of nobody, and of oneself": (
        [at(1, u="u2", previous="ghost"), at(2, u="u2", previous="u2")],
        ["u2", "u2"],
        [],
    ),
    "equal ranks: the earlier one": (
        [at(1, u="u1", s="1"), at(2, u="u2", w="1"), at(9, s="1", e="e1"), at(8, w="1", e="e1"), at(10, e="e1")],
        ["u1", "u2", "u1", "u2", "u2"],
        [("s:1", "e1", "limit:user_id")],
    ),
    "no account: the e-mail seen first": (
        [at(3, e="e1", p="+331"), at(2, e="e2", p="+331"), at(5, p="+331")],
        ["e2", "e2", "e2"],
        [],
    ),
}


def named(identifier: Identifier) -> str:
    letter = NAMES[identifier.type]
    return f"{letter}:{identifier.value}" if letter in "sw" else identifier.value


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [1, 3])
def test_case(case: str, batch: int) -> None:
    events, expected, refused = CASES[case]
    world = resolve(events, Policy.default())
    everyone = {seed_of(i): named(i) for event in events for i in identifiers_of(event)}
    assert [everyone[world.profiles[event["event_id"]]] for event in events] == expected
    assert [(named(r.a), named(r.b), r.rule) for r in world.refusals] == refused
    for count, arrival in enumerate(orders_of(events)):
        twice = [event for event in arrival for _ in range(2)]
        check(run(twice, batch=batch, crash=bool(count % 2)), world)


def test_slices_of_the_shared_tablet_are_published_with_their_bounds() -> None:
    system = run(CASES["shared tablet, no log-out"][0])
    u1, u2 = seed_of(Identifier("user_id", "u1")), seed_of(Identifier("user_id", "u2"))
    assert system.view.of(Identifier("anonymous_id", "a1")) == [(None, 4000, u1), (4000, None, u2)]


def test_late_bridge_makes_the_earlier_id_an_alias() -> None:
    events = CASES["late bridge"][0]
    before = run([events[0], events[1]])
    phone, email = Identifier("phone", "+331"), Identifier("email", "x@x")
    assert before.view.profile_at(phone, 0) == seed_of(phone)
    after = run(events)
    assert after.view.profile_at(phone, 0) == seed_of(email)
    assert resolve(events, Policy.default()).aliases(email) == {seed_of(phone)}


def test_late_event_publishes_a_split() -> None:
    events = CASES["late event undoes a merge"][0]
    system = run([events[1]])
    assert [d["kind"] for d in system.decisions.values()] == ["join"]
    system.receive(events[0])
    system.settle()
    kinds = sorted((d["kind"], d["a"]["value"], d["b"]["value"], d["rule"]) for d in system.decisions.values())
    assert kinds == [
        ("join", "u1", "s@x", "pair"),
        ("refuse", "u2", "s@x", "limit:user_id"),
        ("split", "u2", "s@x", "pair"),
    ]


def test_a_reading_that_nothing_supports_shows_nowhere() -> None:
    system = run([at(1, u="u2", previous="ghost")])
    assert system.decisions == {}
    assert not any(identifier.value == "ghost" for identifier in system.view.slices)


def test_all_junk_is_no_identifier() -> None:
    assert extracted({"userId": "null", "anonymousId": "  ", "traits": {"email": "none", "phone": "12"}}) == ()
