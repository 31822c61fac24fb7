"""The cart against a plain replay of its steps in time order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.profile import cart
from schemas.codec import dumps, dumps_sorted
from schemas.times import to_iso
from tests.unit.processors.profile.canonical import NOON, Json, event, named, timed


def folded(events: list[Json]) -> cart.Cart:
    section: cart.Cart = {}
    for each, t in timed(events):
        cart.add(section, each, t)
    return section


def step(name: str, at: int, message: str | None = None, **properties: Any) -> Json:
    return event(name, NOON + at, message=message, properties=properties)


def quantities(*events: Json) -> dict[str, float]:
    return {item["product_id"]: item["quantity"] for item in cart.shown(folded(list(events)))["items"]}


def test_what_was_added_lies_in_the_cart() -> None:
    shown = cart.shown(
        folded([step("Product Added", 0, product_id="sku-1", quantity="2", price="19,90", currency="eur")])
    )
    assert shown == {
        "items": [{"product_id": "sku-1", "quantity": 2, "price": "19.90", "currency": "EUR"}],
        "updated_at": to_iso(NOON),
    }


def test_an_order_empties_it_whatever_arrives_first() -> None:
    added, ordered = step("Product Added", 0, product_id="a"), step("Order Completed", 1)
    later = step("Product Added", 2, product_id="b")
    assert quantities(added, ordered) == quantities(ordered, added) == {}
    assert quantities(later, ordered, added) == {"b": 1}
    assert cart.shown(folded([ordered]))["updated_at"] == to_iso(NOON + 1)


def test_removing_takes_some_or_all() -> None:
    added = step("Product Added", 0, product_id="a", quantity=3)
    assert quantities(added, step("Product Removed", 1, product_id="a", quantity=1)) == {"a": 2}
    assert quantities(added, step("Product Removed", 1, product_id="a", quantity=3)) == {}
    assert quantities(added, step("Product Removed", 1, product_id="a", quantity=5)) == {}
    assert quantities(added, step("Product Removed", 1, product_id="a")) == {}
    assert quantities(step("Product Removed", 1, product_id="a"), added) == {}
    assert quantities(step("Product Removed", 0, product_id="b")) == {}


def test_a_view_of_the_cart_says_what_it_holds() -> None:
    added = step("Product Added", 0, product_id="a")
    viewed = step("Cart Viewed", 1, products=[{"product_id": "b", "quantity": 2}, "junk", {}])
    assert quantities(added, viewed) == quantities(viewed, added) == {"b": 2}
    assert quantities(added, step("Cart Viewed", 1)) == {"a": 1}
    assert quantities(added, step("Cart Viewed", 1, products=[])) == {}


@pytest.mark.parametrize("quantity", [0, -1, "-2"])
def test_nothing_or_less_is_not_added(quantity: Any) -> None:
    assert quantities(step("Product Added", 0, product_id="a", quantity=quantity)) == {}


def test_the_newest_price_is_shown() -> None:
    first = step("Product Added", 0, product_id="a", price=5, currency="EUR")
    second = step("Product Added", 1, product_id="a", price=4)
    assert cart.shown(folded([second, first]))["items"] == [
        {"product_id": "a", "quantity": 2, "price": "4.00", "currency": None}
    ]


def test_a_cart_that_nobody_touched_is_empty() -> None:
    assert cart.shown(None) == {"items": [], "updated_at": None}


_steps = st.lists(
    st.one_of(
        st.builds(
            step,
            st.sampled_from(["Product Added", "Product Added", "Product Removed"]),
            st.integers(0, 20),
            product_id=st.sampled_from("abc"),
            quantity=st.sampled_from([1, 2, None]),
        ),
        st.builds(
            step, st.just("Cart Viewed"), st.integers(0, 20), products=st.just([{"product_id": "c", "quantity": 4}])
        ),
        st.builds(step, st.just("Order Completed"), st.integers(0, 20)),
    ),
    max_size=25,
).map(named)


def replayed(events: list[Json]) -> dict[str, int]:
    held: dict[str, int] = {}
    for each in sorted(events, key=lambda each: (each["occurred_at"], each["message_id"])):
        name, product = each["event"], each["properties"].get("product_id")
        quantity = each["properties"].get("quantity")
        if name == "Order Completed":
            held = {}
        elif name == "Cart Viewed":
            held = {"c": 4}
        elif name == "Product Added":
            held[product] = held.get(product, 0) + (quantity or 1)
        elif product in held:
            held[product] -= quantity or held[product]
        held = {product: count for product, count in held.items() if count > 0}
    return held


@given(_steps, st.randoms(use_true_random=False), st.integers(1, 3))
def test_any_order_and_grouping_equals_the_replay(events: list[Json], random: Any, n: int) -> None:
    expected = replayed(events)
    whole = folded(events)
    assert quantities(*events) == expected
    shuffled = list(events)
    random.shuffle(shuffled)
    parts = [part for part in (folded(shuffled[start::n]) for start in range(n)) if part]
    before = dumps(parts)
    assert dumps_sorted(cart.merged(parts)) == dumps_sorted(whole)
    assert dumps(parts) == before


def test_the_newest_hundred_steps_are_kept() -> None:
    events = [step("Product Added", at, product_id=f"p{at}") for at in range(250)]
    forwards, backwards = folded(events), folded(events[::-1])
    assert dumps_sorted(forwards) == dumps_sorted(backwards)
    assert len(forwards["steps"]) == cart.MAX_STEPS
