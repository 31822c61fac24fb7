"""Whatever JSON a sender writes, folding goes on: the event counts, and what cannot be read says nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.profile.fragment import empty, fold
from processors.profile.merge import merge
from processors.profile.orders import MAX_REFUNDED, fold_order, fragment_of_order, order_record
from processors.profile.traits import check_traits
from processors.profile.view import profile_view
from schemas.codec import dumps, dumps_sorted, loads
from schemas.event import ORDER_EVENTS
from schemas.profile import Order, Profile
from tests.unit.processors.profile.canonical import NOON, Json, event, order_event

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["", "-1", "NaN", "1e400", "9" * 500, "0x10", "٣", "https://", "://", "2026-02-30", "2026-01-01"]),
)
_KEYS = (
    "product_id sku name category brand quantity price currency products total revenue store"
    " status refund_id updated_at placed_at created_at referrer url page campaign"
    " source medium consent granted categoryPreferences ads"
)
_keys = st.sampled_from(_KEYS.split())
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4), max_leaves=8
)
_objects = st.dictionaries(_keys, _json, max_size=6)
_names = st.sampled_from(
    [
        None,
        "",
        "Product Viewed",
        "Product List Viewed",
        "Product Added",
        "Product Removed",
        "Cart Viewed",
        "Order Completed",
        *sorted(ORDER_EVENTS),
    ]
)
_types = st.sampled_from(["track", "page", "screen", "identify", "group", "alias"])


@given(st.lists(st.tuples(_types, _names, _objects, _objects, _objects), max_size=6))
def test_no_event_stops_the_fold(made: list[tuple[str, str | None, Json, Json, Json]]) -> None:
    events = [
        event(
            name, NOON + index, type=type_, message=f"m{index}", properties=properties, traits=traits, context=context
        )
        for index, (type_, name, properties, traits, context) in enumerate(made)
    ]
    parts = [empty(), empty()]
    for index, each in enumerate(events):
        check_traits(each)
        fold(parts[index % 2], each, NOON + index)
    merged = merge(parts)
    backwards = empty()
    for index, each in reversed(list(enumerate(events))):
        fold(backwards, each, NOON + index)
    assert dumps_sorted(merged) == dumps_sorted(backwards)
    view = profile_view(merged, profile_id="p", roster=(), aliases=(), segments=(), version=1)
    Profile.model_validate(loads(dumps(view)))
    assert view["activity"]["events"] == sum(each["type"] in ("track", "page", "screen") for each in events)


@given(st.lists(st.tuples(st.sampled_from(sorted(ORDER_EVENTS)), _objects), min_size=1, max_size=6), st.data())
def test_no_order_event_stops_the_order(made: list[tuple[str, Json]], data: st.DataObject) -> None:
    events = []
    for index, (name, properties) in enumerate(made):
        each = order_event(name, NOON + index, message=f"m{index}")
        each["properties"] |= properties
        events.append((each, NOON + index))
    states = []
    for order in (events, data.draw(st.permutations(events))):
        state: Any = None
        for each, t in order:
            state = fold_order(state, each, t)
        states.append(dumps_sorted(state))
        Order.model_validate(loads(dumps(order_record(state, "seed"))))
        dumps(fragment_of_order(state))
    assert states[0] == states[1]


def test_sums_stay_within_what_json_can_carry() -> None:
    huge = "999999999999.9999"
    items = [{"product_id": "a", "price": huge, "quantity": huge}]
    state = fold_order(None, order_event(products=items), NOON)
    for index in range(2000):
        refund = order_event("Order Refunded", NOON, message=f"r{index}", total=huge)
        state = fold_order(state, refund, NOON)
    assert loads(dumps(fragment_of_order(state)))["orders"]["shop"]["1001"][3:5] == [0, MAX_REFUNDED]
    assert order_record(state, "seed")["total"] == "0.00"
    cart = empty()
    for index in range(200):
        fold(cart, event("Product Added", NOON, message=f"m{index}", properties=items[0]), NOON)
    dumps(profile_view(cart, profile_id="p", roster=(), aliases=(), segments=(), version=1))
