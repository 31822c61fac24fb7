"""WooCommerce's deliveries, and what polling reads: the same objects."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.vendors.reading import Sent, final_orders, identifiers, one, source_of

SITE = source_of("woocommerce", "site-b", country="FR")

ORDER: dict[str, Any] = {
    "id": 727,
    "parent_id": 0,
    "status": "pending",
    "currency": "EUR",
    "date_created": "2026-02-01T11:00:00",
    "date_created_gmt": "2026-02-01T10:00:00",
    "date_modified": "2026-02-01T11:00:00",
    "date_modified_gmt": "2026-02-01T10:00:00",
    "discount_total": "0.00",
    "shipping_total": "10.00",
    "total": "29.35",
    "total_tax": "1.35",
    "customer_id": 12,
    "number": "727",
    "created_via": "checkout",
    "payment_method": "bacs",
    "billing": {
        "first_name": "Jane",
        "last_name": "Doe",
        "address_1": "1 rue X",
        "city": "Paris",
        "postcode": "75001",
        "country": "FR",
        "email": "Jane.Doe@X.FR",
        "phone": "06 12 34 56 78",
    },
    "shipping": {"country": "BE"},
    "meta_data": [{"id": 1, "key": "_anonymous_id", "value": "a1"}, {"key": "is_vat_exempt", "value": "no"}],
    "line_items": [
        {"id": 315, "name": "Shirt", "product_id": 93, "variation_id": 0, "quantity": 2, "price": 3, "sku": "S-1"},
        {
            "id": 316,
            "name": "Hat - red",
            "parent_name": "Hat",
            "product_id": 22,
            "variation_id": 23,
            "quantity": 1,
            "price": "12.00",
        },
    ],
    "coupon_lines": [{"code": "spring"}],
    "refunds": [],
}


def order(status: str, at: str, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDER), "status": status, "date_modified_gmt": at, **changes}


def test_an_order_is_completed() -> None:
    event = one(SITE, "order.created", ORDER)
    assert (event["event"], event["occurred_at"]) == ("Order Completed", "2026-02-01T10:00:00.000Z")
    assert identifiers(event) == [
        "woocommerce:site-b:12",
        "email:jane.doe@x.fr",
        "phone:+33612345678",
        "anonymous_id:a1",
        "order:site-b:727",
    ]
    properties = event["properties"]
    assert (properties["total"], properties["currency"], properties["coupon"]) == ("29.35", "EUR", "spring")
    assert properties["products"] == [
        {"product_id": "93", "sku": "S-1", "name": "Shirt", "price": 3, "quantity": 2},
        {"product_id": "22", "variant_id": "23", "name": "Hat", "price": "12.00", "quantity": 1},
    ]


def test_a_guest_is_no_account() -> None:
    event = one(SITE, "order.created", {**ORDER, "customer_id": 0, "meta_data": []})
    assert identifiers(event)[0] == "email:jane.doe@x.fr"


@pytest.mark.parametrize(
    ("status", "event", "canonical"),
    [
        ("pending", "Order Updated", "placed"),
        ("on-hold", "Order Updated", "placed"),
        ("processing", "Order Updated", "paid"),
        ("completed", "Order Updated", "fulfilled"),
        ("cancelled", "Order Cancelled", "cancelled"),
        ("failed", "Order Cancelled", "cancelled"),
        ("trash", "Order Cancelled", "cancelled"),
        ("refunded", "Order Updated", "refunded"),
        ("wc-on-its-way", "Order Updated", None),
    ],
)
def test_status(status: str, event: str, canonical: str | None) -> None:
    found = one(SITE, "order.updated", order(status, "2026-02-02T10:00:00"))
    assert (found["event"], found["properties"].get("status")) == (event, canonical)
    assert found["properties"]["updated_at"] == "2026-02-02T10:00:00.000Z"


def test_a_draft_at_the_checkout_is_no_order_yet() -> None:
    event = one(SITE, "order.created", {**ORDER, "status": "checkout-draft"})
    assert (event["event"], event["channel"], "order_id" in event["properties"]) == ("Checkout Started", "web", False)


def test_what_was_given_back_is_in_the_order() -> None:
    refunds = [{"id": 9, "reason": "broken", "total": "-10.00"}, {"id": 10, "total": "-1.5"}, {"total": "?"}, "rubbish"]
    event = one(SITE, "order.updated", order("processing", "2026-02-03T10:00:00", refunds=refunds))
    assert (event["event"], event["properties"]["refunded"]) == ("Order Updated", "11.50")
    assert one(SITE, "order.updated", ORDER)["properties"]["refunded"] == "0.00"


@given(st.permutations(range(3)))
def test_a_refund_that_is_taken_back_is_none(positions: list[int]) -> None:
    refunds: list[list[dict[str, Any]]] = [[], [{"id": 9, "total": "-10.00"}], []]
    lives: list[Sent] = [
        ("order.updated", order("completed", f"2026-02-0{day + 1}T09:00:00", refunds=refunds[day]), f"{day}")
        for day in positions
    ]
    (record,) = final_orders(SITE, lives).values()
    assert (record["status"], record["refunded"]) == ("fulfilled", "0.00")


@pytest.mark.parametrize("topic", ["customer.created", "customer.updated"])
def test_a_customer(topic: str) -> None:
    customer = {
        "id": 12,
        "date_created_gmt": "2026-01-01T10:00:00",
        "date_modified_gmt": "2026-01-02T10:00:00",
        "email": "jane.doe@x.fr",
        "first_name": "Jane",
        "last_name": "",
        "role": "customer",
        "billing": ORDER["billing"],
    }
    event = one(SITE, topic, customer)
    assert (event["type"], event["occurred_at"]) == ("identify", "2026-01-02T10:00:00.000Z")
    assert identifiers(event) == ["woocommerce:site-b:12", "email:jane.doe@x.fr", "phone:+33612345678"]
    assert (event["traits"]["last_name"], event["traits"]["country"]) == ("Doe", "FR")


def test_what_is_deleted_has_only_an_id() -> None:
    event = one(SITE, "order.deleted", {"id": 727})
    assert (event["event"], identifiers(event)) == ("Order Cancelled", ["order:site-b:727"])
    assert identifiers(one(SITE, "customer.deleted", {"id": 12})) == ["woocommerce:site-b:12"]


LIFE: list[Sent] = [
    ("order.created", ORDER, "1"),
    ("order.updated", order("processing", "2026-02-01T10:05:00"), "2"),
    ("order.updated", order("completed", "2026-02-02T09:00:00"), "3"),
    ("order.updated", order("completed", "2026-02-03T09:00:00", refunds=[{"id": 9, "total": "-10.00"}]), "4"),
    (
        "order.updated",
        order("completed", "2026-02-04T09:00:00", refunds=[{"id": 9, "total": "-10.00"}, {"id": 10, "total": "-2.35"}]),
        "5",
    ),
]


@given(st.permutations([*LIFE, LIFE[0], LIFE[3], LIFE[4]]))
def test_any_order_of_deliveries_gives_the_order_s_final_state(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SITE, deliveries).values()
    assert (record["status"], record["total"], record["refunded"]) == ("partially_refunded", "29.35", "12.35")
    assert (record["version"], record["updated_at"]) == (5, "2026-02-04T09:00:00.000Z")
    assert [each["status"] for each in record["history"]] == ["placed", "paid", "fulfilled", "partially_refunded"]
    assert record["history"][-1]["at"] == "2026-02-03T09:00:00.000Z"
    assert record["customer"] == {"type": "woocommerce:site-b", "value": "12"}


@given(st.permutations([*LIFE[:3], ("order.updated", order("cancelled", "2026-02-05T09:00:00"), "6")]))
def test_a_cancelled_order(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SITE, deliveries).values()
    assert record["status"] == "cancelled"
