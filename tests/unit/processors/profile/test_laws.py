"""The laws of folding and merging: order, grouping and partition of the same events change nothing."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.profile.fragment import Fragment, empty, fold
from processors.profile.merge import merge
from processors.profile.view import profile_view
from schemas.codec import dumps, dumps_sorted, loads
from schemas.event import ACTIVITY_TYPES
from tests.unit.processors.profile.canonical import Json, histories, timed


def folded(events: list[Json]) -> Fragment:
    fragment = empty()
    for event, t in timed(events):
        fold(fragment, event, t)
    return fragment


def canonical(fragment: Fragment) -> bytes:
    return dumps_sorted(fragment)


def shown(fragment: Fragment) -> bytes:
    roster: list[Json] = [
        {"type": "user_id", "value": "u1"},
        {"type": "anonymous_id", "value": "a1", "from": None, "to": 5},
    ]
    return dumps(profile_view(fragment, profile_id="p", roster=roster, aliases=[], segments=[], version=1))


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    history = draw(histories())
    return history, draw(st.permutations(history))


@st.composite
def grouped(draw: st.DrawFn) -> tuple[list[Json], list[list[Json]]]:
    """A history, and the same events dealt to a few fragments in another order."""
    history, other = draw(shuffled())
    groups: list[list[Json]] = [[] for _ in range(draw(st.integers(1, 4)))]
    for event in other:
        groups[draw(st.integers(0, len(groups) - 1))].append(event)
    return history, groups


@given(shuffled())
def test_any_order_of_events_folds_to_equal_bytes(pair: tuple[list[Json], list[Json]]) -> None:
    history, other = pair
    assert canonical(folded(history)) == canonical(folded(other))
    assert shown(folded(history)) == shown(folded(other))


@given(grouped())
def test_merging_the_folds_of_any_grouping_is_the_fold_of_all(case: tuple[list[Json], list[list[Json]]]) -> None:
    history, groups = case
    merged = merge(folded(group) for group in groups)
    assert canonical(merged) == canonical(folded(history))
    assert shown(merged) == shown(folded(history))


@given(grouped(), st.randoms(use_true_random=False))
def test_merge_is_associative_and_commutative(case: tuple[list[Json], list[list[Json]]], random: Any) -> None:
    _, groups = case
    expected = canonical(merge(folded(group) for group in groups))
    pool = [folded(group) for group in groups]
    while len(pool) > 1:
        random.shuffle(pool)
        pool.append(merge([pool.pop(), pool.pop()]))
    assert canonical(pool[0]) == expected


@given(grouped())
def test_merge_leaves_its_arguments_as_they_are(case: tuple[list[Json], list[list[Json]]]) -> None:
    fragments = [folded(group) for group in case[1]]
    before = [canonical(fragment) for fragment in fragments]
    merge(fragments)
    assert [canonical(fragment) for fragment in fragments] == before


@given(histories())
def test_the_empty_fragment_is_neutral(history: list[Json]) -> None:
    fragment = folded(history)
    assert canonical(merge([empty(), fragment, empty()])) == canonical(fragment)
    assert canonical(merge([])) == canonical(empty())


@given(histories(), st.integers(0, 25))
def test_a_stored_snapshot_and_the_tail_are_the_fold_of_all(history: list[Json], at: int) -> None:
    fragment = loads(dumps(folded(history[:at])))
    for event, t in timed(history[at:]):
        fold(fragment, event, t)
    assert canonical(fragment) == canonical(folded(history))


@given(histories())
def test_folding_leaves_the_event_as_it_is(history: list[Json]) -> None:
    before = copy.deepcopy(history)
    folded(history)
    assert history == before


@given(grouped())
def test_activity_of_the_parts_adds_up_to_the_log(case: tuple[list[Json], list[list[Json]]]) -> None:
    history, groups = case
    counted = sum(sum(folded(group).get("channels", {}).values()) for group in groups)
    assert counted == sum(event["type"] in ACTIVITY_TYPES for event in history)


@settings(max_examples=50)
@given(histories())
def test_removing_an_event_equals_never_having_had_it(history: list[Json]) -> None:
    assert canonical(folded(history[1:])) == canonical(folded(list(reversed(history))[:-1] if history else []))
