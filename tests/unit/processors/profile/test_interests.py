"""Interests: what somebody looks at, weighed by what they did and how long ago."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.profile import interests
from schemas.codec import dumps, dumps_sorted
from tests.unit.processors.profile.canonical import DAY, NOON, Json, event


def folded(events: list[tuple[Json, int]]) -> interests.Interests:
    section: interests.Interests = {}
    for each, t in events:
        interests.add(section, each, t, interests.WEIGHTS[each["event"]])
    return section


def view(t: int, name: str = "Product Viewed", **properties: Any) -> tuple[Json, int]:
    return event(name, t, properties=properties), t


def scores(events: list[tuple[Json, int]], as_of: int, kind: str = "categories") -> dict[str, float]:
    return {each["value"]: each["score"] for each in interests.shown(folded(events), as_of)[kind]}


def test_a_score_halves_every_thirty_days() -> None:
    looked = [view(NOON, category="shoes")]
    assert scores(looked, NOON) == {"shoes": 1.0}
    assert scores(looked, NOON + 30 * DAY) == {"shoes": 0.5}
    assert scores(looked, NOON + 60 * DAY) == {"shoes": 0.25}
    assert scores(looked, NOON + 3000 * DAY) == {}


def test_what_somebody_does_weighs_more_than_what_they_look_at() -> None:
    done = [
        view(NOON, category="hats"),
        view(NOON, category="hats"),
        view(NOON, "Product Added", category="shoes", brand="Acme", product_id=7),
        view(
            NOON, "Order Completed", products=[{"product_id": "p1", "category": "bags"}, "junk", {"category": "bags"}]
        ),
    ]
    assert scores(done, NOON) == {"bags": 10.0, "shoes": 3.0, "hats": 2.0}
    assert scores(done, NOON, "brands") == {"Acme": 3.0}
    assert scores(done, NOON, "products") == {"p1": 5.0, "7": 3.0}


def test_a_list_speaks_for_its_category_only() -> None:
    listed = [view(NOON, "Product List Viewed", category="shoes", products=[{"product_id": "p1", "category": "x"}])]
    assert interests.shown(folded(listed), NOON) == {
        "categories": [{"value": "shoes", "score": 1.0}],
        "brands": [],
        "products": [],
    }


def test_ties_are_listed_by_name_and_ten_at_most() -> None:
    looked = [view(NOON, category=f"c{index:02d}") for index in reversed(range(12))]
    assert list(scores(looked, NOON)) == [f"c{index:02d}" for index in range(10)]


def test_junk_is_nobodys_interest() -> None:
    junk: list[Any] = [None, "", "  ", True, [], {"a": 1}, "x" * 201]
    assert folded([view(NOON, category=each, brand=each, product_id=each) for each in junk]) == {}


_looks = st.lists(st.tuples(st.integers(0, 90), st.sampled_from("abcdefgh")), min_size=40, max_size=160)


@given(_looks, st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_newest_entries_are_kept_in_any_order_and_grouping(
    looks: list[tuple[int, str]], random: Any, n: int
) -> None:
    events = [view(NOON + day * DAY, category=name) for day, name in looks]
    whole = folded(events)
    entries = dict.fromkeys(looks, 0)
    for look in looks:
        entries[look] += 1
    newest = dict(sorted(entries.items())[-interests.MAX_ENTRIES :])
    kept = [weight for names in whole["categories"].values() for weight in names.values()]
    assert sorted(kept) == sorted(newest.values())
    random.shuffle(events)
    parts = [folded(events[start::n]) for start in range(n)]
    before = dumps(parts)
    assert dumps_sorted(interests.merged(parts)) == dumps_sorted(whole)
    assert dumps(parts) == before


def test_the_size_has_a_bound() -> None:
    section = folded([view(NOON + index * DAY // 50, product_id=f"p{index}", category="c") for index in range(2000)])
    assert len(dumps(section)) < 3 * interests.MAX_ENTRIES * 40
