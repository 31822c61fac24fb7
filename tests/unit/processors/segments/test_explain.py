"""The explanation says what the stream decides, clause by clause, and exactly when it will change."""

from typing import Any

import pytest
from hypothesis import given, settings

from processors.segments.clauses import Definition
from processors.segments.compile import compile_set
from processors.segments.definition import parse
from processors.segments.evaluate import observe
from processors.segments.explain import explain
from schemas.times import to_iso, to_millis
from tests.unit.processors.segments.full import holds
from tests.unit.processors.segments.generated import definition_sets, edges, profiles, timed_events

HOUR = 3_600_000
NOW = 1_700_000_000_000


def event(name: str, id_: str, **properties: Any) -> dict[str, Any]:
    return {
        "event": name,
        "event_id": id_,
        "message_id": id_,
        "channel": "web",
        "source": "shop",
        "properties": properties,
    }


def test_an_abandoned_cart_in_words() -> None:
    definition = parse(
        {
            "id": "cart",
            "where": {
                "all": [
                    {"event": "Product Added", "not_followed_by": {"event": "Order Completed"}, "for": "1h"},
                    {"event": "Product Viewed", "count": {"op": "gte", "value": 2}, "within": "3h"},
                    {"trait": "country", "op": "eq", "value": "FR"},
                ]
            },
        }
    )
    compiled = compile_set({"cart": (2, definition)})
    history: dict[str, Any] = {}
    for t, name, id_ in (
        (NOW - 3 * HOUR + 1, "Product Viewed", "v1"),
        (NOW - 2 * HOUR, "Product Viewed", "v2"),
        (NOW - HOUR, "Product Added", "a1"),
    ):
        observe(compiled, history, event(name, id_), t, t)
    assert explain(compiled, "cart", {"traits": {"country": "FR"}}, history, NOW) == {
        "segment_id": "cart",
        "version": 2,
        "at": to_iso(NOW),
        "member": True,
        "since": to_iso(NOW),
        "changes_at": to_iso(NOW + 1),
        "where": {
            "true": True,
            "since": to_iso(NOW),
            "changes_at": to_iso(NOW + 1),
            "because": None,
            "all": [
                {
                    "true": True,
                    "since": to_iso(NOW),
                    "changes_at": None,
                    "because": None,
                    "clause": definition.document["where"]["all"][0],
                    "events": ["a1"],
                },
                {
                    "true": True,
                    "since": to_iso(NOW - 2 * HOUR),
                    "changes_at": to_iso(NOW + 1),
                    "because": "v2",
                    "clause": definition.document["where"]["all"][1],
                    "events": ["v2", "v1"],
                },
                {
                    "true": True,
                    "since": None,
                    "changes_at": None,
                    "because": None,
                    "clause": definition.document["where"]["all"][2],
                },
            ],
        },
    }


def test_an_unknown_segment() -> None:
    with pytest.raises(KeyError):
        explain(compile_set({}), "nobody", {}, {}, NOW)


@settings(deadline=None)
@given(definition_sets(), timed_events(), profiles)
def test_it_agrees_with_the_oracle_and_names_the_very_instant(
    definitions: dict[str, Definition], events: list[Any], profile: dict[str, Any]
) -> None:
    compiled = compile_set({id_: (1, definition) for id_, definition in definitions.items()})
    history: dict[str, Any] = {}
    for t, each in events:
        observe(compiled, history, each, t, 0)
    instants = edges(events)
    for place in range(0, len(instants), 37):
        now = instants[place]
        for id_, definition in definitions.items():
            found = explain(compiled, id_, profile, history, now)
            assert found["member"] is holds(definition.where, events, profile, now, definitions)
            end = None if found["changes_at"] is None else to_millis(found["changes_at"])
            for later in instants[place + 1 :]:
                if end is not None and later >= end:
                    break
                assert holds(definition.where, events, profile, later, definitions) is found["member"]
            if end is not None:
                assert holds(definition.where, events, profile, end, definitions) is not found["member"]
