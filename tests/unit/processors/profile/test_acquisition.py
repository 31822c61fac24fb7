"""Acquisition: the first and the last touch, in any order of events."""

from typing import Any

import pytest

from processors.profile import acquisition
from processors.profile.fragment import empty, fold
from tests.unit.processors.profile.canonical import NOON, Json, event, timed

SEARCH = "https://search.example/?q=shoes"


def shown(*events: Json) -> Json:
    fragment = empty()
    for each, t in timed(list(events)):
        fold(fragment, each, t)
    return acquisition.shown(fragment.get("touches"))


def test_the_first_and_the_last_touch() -> None:
    spring = event(t=NOON, context={"campaign": {"source": "google", "medium": "cpc", "name": "spring"}})
    direct = event(t=NOON + 1, context={"page": {"url": "https://shop.fr/"}})
    search = event(t=NOON + 2, context={"page": {"url": "https://shop.fr/", "referrer": SEARCH}})
    assert shown(direct, search, spring) == {
        "first": {
            "source": "google",
            "medium": "cpc",
            "campaign": "spring",
            "referrer": None,
            "at": "2026-03-01T12:00:00.000Z",
        },
        "last": {
            "source": None,
            "medium": None,
            "campaign": None,
            "referrer": SEARCH,
            "at": "2026-03-01T12:00:00.002Z",
        },
    }


def test_nobody_knows_where_a_direct_visitor_came_from() -> None:
    assert shown(event(), event("Product Viewed", NOON + 1)) == {"first": {}, "last": {}}


@pytest.mark.parametrize(
    "context",
    [
        {"page": {"url": "https://shop.fr/b", "referrer": "https://www.SHOP.fr/a"}},
        {"page": {"url": "https://shop.fr/b", "referrer": "$direct"}},
        {"page": {"referrer": ""}},
        {"page": {"referrer": 7}},
        {"page": "x"},
        {"campaign": {}},
        {"campaign": {"source": "  "}},
        {"campaign": []},
        {"referrer": {"type": "search"}},
        {"referrer": "x"},
    ],
)
def test_what_is_no_touch(context: Any) -> None:
    assert shown(event(context=context)) == {"first": {}, "last": {}}


def test_where_referrers_stand() -> None:
    assert shown(event("Product Viewed", context={"referrer": {"url": SEARCH}}))["first"]["referrer"] == SEARCH
    assert shown(event(type="page", properties={"referrer": SEARCH}))["first"]["referrer"] == SEARCH


def test_an_endless_referrer_is_cut() -> None:
    assert len(shown(event(context={"page": {"referrer": SEARCH + "x" * 10_000}}))["last"]["referrer"]) == 1000
