"""A proposed plan lets all events pass that it was made from, and says what they had in common."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.plan_archive import broken_by
from deploy.local.plan_inference import MOST_FIELDS, infer
from ingest.plan import parse_plan


def event(name: str | None, type_: str = "track", **parts: Any) -> dict[str, Any]:
    return {"event": name, "type": type_, "properties": {}, "traits": {}, "context": {}, **parts}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.sampled_from(["a", "b", "long" * 20]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
)
EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["A", "B", None]),
        st.sampled_from(["track", "identify"]),
        properties=st.dictionaries(st.sampled_from("xyz"), JSON, max_size=3),
        traits=st.dictionaries(st.sampled_from("tu"), JSON, max_size=2),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_every_event_follows_the_plan_made_from_it(events: list[dict[str, Any]], random: Any) -> None:
    document = infer(events)
    plan = parse_plan(yaml.safe_dump(document, sort_keys=False), "inferred")
    assert broken_by(plan, iter(events))[:2] == (len(events), 0)
    shuffled = list(events)
    random.shuffle(shuffled)
    assert infer(shuffled) == document, "the order of events says nothing"


def test_what_they_had_in_common() -> None:
    orders = [
        event(
            "Order Completed",
            properties={
                "order_id": f"o{number}",
                "total": number + 0.5 if number % 2 else number,
                "currency": "EUR" if number % 3 else "USD",
                "products": [{"sku": "s", "quantity": 1}],
                **({"coupon": "X"} if number % 2 else {}),
            },
        )
        for number in range(60)
    ]
    document = infer([*orders, event(None, "identify", traits={"email": "j@x.fr"})])
    assert document["events"]["Order Completed"]["properties"] == {
        "type": "object",
        "required": ["currency", "order_id", "products", "total"],
        "properties": {
            "coupon": {"type": "string"},
            "currency": {"type": "string", "enum": ["EUR", "USD"]},
            "order_id": {"type": "string"},
            "products": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["quantity", "sku"],
                    "properties": {"quantity": {"type": "integer"}, "sku": {"type": "string", "enum": ["s"]}},
                },
            },
            "total": {"type": "number"},
        },
    }
    assert document["types"]["identify"] == {
        "traits": {"type": "object", "properties": {"email": {"type": "string"}}}
    }, "one event says nothing about what is required"


def test_a_key_per_product_is_no_field() -> None:
    document = infer([event("A", properties={f"sku-{number}": 1 for number in range(MOST_FIELDS + 1)})] * 6)
    assert document["events"]["A"] == {}
