"""An event costs what it touches: the indexes lead from it to the segments that can change, and to no others."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.segments.compile import Compiled, compile_set, new_leaves
from processors.segments.definition import parse
from processors.segments.evaluate import affected, changed_fields, changed_leaves, observe
from processors.segments.references import in_order, referring_to
from tests.unit.processors.segments.verdicts import evaluate


def compiled_of(**wheres: Any) -> Compiled:
    return compile_set({id_: (1, parse({"id": id_, "where": where})) for id_, where in wheres.items()})


def event(name: str, id_: str = "e") -> dict[str, Any]:
    return {
        "event": name,
        "event_id": id_,
        "message_id": id_,
        "channel": "web",
        "source": "s",
        "properties": {"total": 5},
    }


def test_an_event_touches_the_segments_that_wait_for_it() -> None:
    wheres = {
        f"s{number}": {
            "any": [
                {"event": f"Event {number}", "count": {"op": "gte", "value": 2}, "within": "7d"},
                {"trait": f"trait_{number}", "op": "exists"},
                {"metric": "orders.count", "op": "gt", "value": number},
            ]
        }
        for number in range(200)
    }
    compiled = compiled_of(**wheres)
    history: dict[str, Any] = {}
    assert affected(compiled, observe(compiled, history, event("Event 7"), 1_000, 1_000)) == ["s7"]
    assert observe(compiled, history, event("Nothing"), 1_000, 1_000) == []
    assert list(history) == [leaf.id for leaf in compiled.leaves.values() if leaf.selector.event == "Event 7"]
    before = {"traits": {"trait_3": 1, "other": 1}, "orders": {"count": 5}, "activity": {"events": 1}}
    after = {"traits": {"trait_3": 2, "other": 2}, "orders": {"count": 5}, "activity": {"events": 2}}
    assert affected(compiled, changed_fields(compiled, before, after)) == ["s3"]
    assert changed_fields(compiled, {}, after) == ["trait:trait_3", "metric:orders.count"]


def test_a_count_that_is_reached_for_ever_touches_nothing_more() -> None:
    compiled = compiled_of(buyer={"event": "Bought", "count": {"op": "gte", "value": 2}})
    history: dict[str, Any] = {}
    for number in range(5):
        touched = observe(compiled, history, event("Bought", f"e{number}"), number, number)
        assert bool(touched) is (number < 2)
    ((_, kept),) = history.items()
    assert kept == [[0, "e0"], [1, "e1"]]


def test_what_is_kept_is_bounded_by_what_is_asked() -> None:
    compiled = compiled_of(
        often={"event": "Viewed", "count": {"op": "gte", "value": 3}, "within": "7d"},
        seldom={"event": "Viewed", "count": {"op": "lt", "value": 3}, "within": "30d"},
        spent={"event": "Viewed", "sum": {"property": "total", "op": "gt", "value": 1}},
        spent_lately={"event": "Viewed", "sum": {"property": "total", "op": "gt", "value": 1}, "within": "1s"},
        left={"event": "Viewed", "not_followed_by": {"event": "Bought"}, "for": "1h"},
    )
    history: dict[str, Any] = {}
    for number in range(1_000):
        observe(compiled, history, event("Viewed", f"e{number:04}"), number * 100, number * 100)
    sizes = {leaf.kind: len(history[id_]) for id_, leaf in compiled.leaves.items()}
    # The two counts differ in window and comparison only, so they share what is kept.
    assert sizes == {"newest": 4, "total": 2, "window": 11, "pair": 2}
    totals = next(history[id_] for id_, leaf in compiled.leaves.items() if leaf.kind == "total")
    assert totals[0] == [(1_000 - 32 - 1) * 100, str(5 * (1_000 - 32))]
    assert len(totals[1]) == 32


def test_segments_that_refer_follow_when_a_membership_changes_and_only_then() -> None:
    compiled = compile_set(
        {
            id_: (1, parse({"id": id_, "where": where}))
            for id_, where in (
                ("c", {"not": {"segment": "b"}}),
                ("b", {"segment": "a"}),
                ("a", {"trait": "x", "op": "eq", "value": 1}),
            )
        }
    )
    assert compiled.order == ("a", "b", "c")
    found = evaluate(compiled, ["a"], {"traits": {"x": 1}}, {}, 0, {"c": True})
    assert {id_: verdict.member for id_, verdict in found.items()} == {"a": True, "b": True, "c": False}
    assert list(evaluate(compiled, ["a"], {"traits": {"x": 1}}, {}, 0, {"a": True, "b": True})) == ["a"]
    assert evaluate(compiled, ["gone"], {}, {}, 0, {}) == {}


def test_leaves_are_named_by_what_they_keep() -> None:
    one = compiled_of(s={"event": "A", "within": "7d"})
    other = compiled_of(
        s={"event": "A", "within": "30d"}, t={"event": "A", "count": {"op": "lt", "value": 1}, "within": "1d"}
    )
    assert new_leaves(one, other) == ()
    assert len(new_leaves(one, compiled_of(s={"event": "A", "count": {"op": "gt", "value": 1}, "within": "7d"}))) == 1
    assert len(new_leaves(one, compiled_of(s={"event": "A", "channel": "web", "within": "7d"}))) == 1


def test_two_states_of_a_history_tell_what_changed() -> None:
    compiled = compiled_of(a={"event": "A", "within": "7d"}, b={"event": "B", "within": "7d"})
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    tokens = observe(compiled, after, event("A"), 0, 0)
    assert changed_leaves(compiled, before, after) == tokens
    assert changed_leaves(compiled, after, before) == tokens
    assert changed_leaves(compiled, after, after) == []
    assert changed_leaves(compiled, {}, {"unknown": [[0, "e"]]}) == []


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=3)))
def test_the_order_of_evaluation(references: dict[str, list[str]]) -> None:
    ordered = in_order(references)
    assert sorted(ordered) == sorted(references)
    assert ordered == in_order(dict(reversed(references.items())))
    reachable = {id_: set(others) & set(references) for id_, others in references.items()}
    for _ in references:
        reachable = {id_: found.union(*(reachable[other] for other in found)) for id_, found in reachable.items()}
    for id_, found in reachable.items():
        if not any(other in reachable[other] for other in found | {id_}):
            assert all(ordered.index(other) < ordered.index(id_) for other in found)


def test_who_refers_to_a_segment() -> None:
    known = {
        "a": parse({"id": "a", "where": {"trait": "x", "op": "exists"}}),
        "b": parse({"id": "b", "where": {"not": {"segment": "a"}}}),
        "c": parse({"id": "c", "where": {"any": [{"segment": "a"}, {"segment": "b"}]}}),
    }
    assert referring_to("a", known) == ("b", "c")
    assert referring_to("c", known) == ()
