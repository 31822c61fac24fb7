"""Magento's objects, as Adobe Commerce's webhooks wrap them and as polling reads them."""

import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_curve_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ingest.canonical import Unfit
from ingest.vendors import magento
from ingest.vendors.delivery import Delivery
from tests.unit.ingest.vendors.reading import RECEIVED, Sent, decided, final_orders, identifiers, one, said, source_of
from tests.unit.ingest.vendors.sending import KEY, signed

SITE = source_of("magento", "shop-m")

ORDER: dict[str, Any] = {
    "entity_id": 3,
    "increment_id": "000000003",
    "state": "new",
    "status": "pending",
    "created_at": "2026-02-01 10:00:00",
    "updated_at": "2026-02-01 10:00:00",
    "customer_id": 2,
    "customer_email": "Roni@Cost.example",
    "customer_is_guest": 0,
    "grand_total": 36.39,
    "subtotal": 29,
    "tax_amount": 2.39,
    "shipping_amount": 5,
    "order_currency_code": "USD",
    "billing_address": {
        "telephone": "512-555-1111",
        "country_id": "US",
        "region_code": "TX",
        "street": ["1 A St", "Apt 2"],
    },
    "items": [
        {
            "item_id": 1,
            "product_id": 1433,
            "sku": "WS12-M",
            "name": "Top",
            "price": 29,
            "qty_ordered": 1,
            "product_type": "configurable",
        },
        {
            "item_id": 2,
            "parent_item_id": 1,
            "product_id": 1419,
            "sku": "WS12-M",
            "name": "Top-M",
            "price": 0,
            "qty_ordered": 1,
        },
    ],
    "payment": {"method": "checkmo"},
}
MEMO: dict[str, Any] = {
    "entity_id": 7,
    "order_id": 3,
    "grand_total": 10.5,
    "adjustment": 0,
    "order_currency_code": "USD",
    "created_at": "2026-02-03 10:00:00",
    "items": [{"product_id": 1433, "sku": "WS12-M", "qty": 1, "price": 29}],
}
CUSTOMER: dict[str, Any] = {
    "id": 2,
    "email": "roni@cost.example",
    "firstname": "Roni",
    "lastname": "Cost",
    "created_at": "2026-01-01 10:00:00",
    "updated_at": "2026-01-02 10:00:00",
    "addresses": [{"country_id": "FR"}, {"country_id": "US", "telephone": "512-555-1111", "default_billing": True}],
    "extension_attributes": {"is_subscribed": False},
}


def order(state: str, at: str, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDER), "state": state, "status": state, "updated_at": at, **changes}


def test_an_order_is_completed() -> None:
    event = one(SITE, "order", ORDER)
    assert (event["event"], event["occurred_at"]) == ("Order Completed", "2026-02-01T10:00:00.000Z")
    assert identifiers(event) == [
        "magento:shop-m:2",
        "email:roni@cost.example",
        "phone:+15125551111",
        "order:shop-m:3",
    ]
    properties = event["properties"]
    assert (properties["order_id"], properties["order_number"], properties["total"]) == ("3", "000000003", 36.39)
    assert properties["products"] == [
        {"product_id": "1433", "sku": "WS12-M", "name": "Top", "price": 29, "quantity": 1}
    ]


@pytest.mark.parametrize(
    ("topic", "content", "event"),
    [
        ("order.created", order("processing", "2026-02-02 10:00:00"), "Order Completed"),
        ("observer.sales_order_place_after", {"data": {"order": ORDER}}, "Order Completed"),
        ("order.updated", order("processing", "2026-02-02 10:00:00"), "Order Updated"),
        ("order", order("new", "2026-02-02 10:00:00"), "Order Updated"),
        (
            "com.adobe.commerce.observer.sales_order_save_commit_after",
            {"event": {"data": {"value": ORDER}}},
            "Order Updated",
        ),
        ("order", order("canceled", "2026-02-02 10:00:00"), "Order Cancelled"),
        ("order.deleted", {"entity_id": 3}, "Order Cancelled"),
        ("sales_order_creditmemo_save_after", {"creditmemo": MEMO}, "Order Refunded"),
        ("creditmemo", MEMO, "Order Refunded"),
    ],
)
def test_topics(topic: str, content: dict[str, Any], event: str) -> None:
    found = one(SITE, topic, content)
    assert found["event"] == event
    assert "order:shop-m:3" in identifiers(found)


@pytest.mark.parametrize(
    ("content", "query", "name"),
    [
        (ORDER, {}, "order"),
        ({"order": ORDER}, {}, "order"),
        ({"data": {"order": ORDER}}, {}, "order"),
        ({"event": {"data": {"value": ORDER}}, "event_id": "e1"}, {}, "order"),
        (MEMO, {}, "creditmemo"),
        ({"order_id": 3, "grand_total": 5, "state": 2}, {}, "invoice"),
        (CUSTOMER, {}, "customer"),
        ({"subscriber_email": "a@x.fr"}, {}, "subscriber"),
        (ORDER, {"topic": "order.created"}, "order.created"),
        ({"nothing": 1}, {}, ""),
        ([], {}, ""),
        (None, {}, ""),
    ],
)
def test_a_topic_that_nobody_names_follows_from_the_body(content: Any, query: dict[str, str], name: str) -> None:
    delivery = Delivery(SITE, "POST", {}, query, b"{}", RECEIVED)
    assert magento.topic(delivery, content).name == name


def test_invoices_and_shipments_say_nothing_that_the_order_does_not() -> None:
    assert said(SITE, "sales_order_invoice_pay", {"invoice": {"order_id": 3}}) == []
    assert said(SITE, "shipment", {"order_id": 3}) == []
    (letter,) = said(SITE, "catalog_product_save_after", {"product": {}})
    assert isinstance(letter, Unfit)


def test_a_customer_and_the_newsletter() -> None:
    event = one(SITE, "customer", CUSTOMER)
    assert identifiers(event) == ["magento:shop-m:2", "email:roni@cost.example", "phone:+15125551111"]
    assert (event["traits"]["first_name"], event["traits"]["country"]) == ("Roni", "US")
    assert decided(event) == {"email_marketing": False}
    for status, granted in [("1", True), (1, True), (3, False), (None, False)]:
        stated = {"subscriber_email": "a@x.fr", "customer_id": 2, "subscriber_status": status}
        assert decided(one(SITE, "newsletter_subscriber_save_after", {"subscriber": stated})) == {
            "email_marketing": granted
        }


LIFE: list[Sent] = [
    ("order", ORDER, "1"),
    ("order", order("processing", "2026-02-01 11:00:00"), "2"),
    ("order", order("complete", "2026-02-02 11:00:00"), "3"),
    ("creditmemo", MEMO, "4"),
    ("order", order("complete", "2026-02-03 10:00:00", total_refunded=10.5), "5"),
]


@given(st.permutations([*LIFE, LIFE[3], LIFE[0]]))
def test_any_order_of_deliveries_gives_the_order_s_final_state(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SITE, deliveries).values()
    assert (record["status"], record["total"], record["refunded"]) == ("partially_refunded", "36.39", "10.50")


@given(st.permutations([LIFE[0], LIFE[2], LIFE[4]]))
def test_without_credit_memos_the_order_says_what_was_given_back(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SITE, deliveries).values()
    assert (record["status"], record["refunded"]) == ("partially_refunded", "10.50")


@given(st.permutations([*LIFE, ("order", order("closed", "2026-02-04 10:00:00"), "6")]))
def test_a_closed_order_is_refunded(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SITE, deliveries).values()
    assert (record["status"], record["refunded"]) == ("refunded", "36.39")


def test_keys_rotate_and_a_key_that_is_none_proves_nothing() -> None:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    curve = generate_curve_key(SECP256R1()).public_key()
    other = curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    body = b'{"order": {}}'
    headers = {name.lower(): value for name, value in signed("magento", body).items()}
    old = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    folded = pem.replace("\n", " ")
    for keys, proven in [
        (pem, True),
        (old, True),
        (folded, True),
        (other + pem, True),
        (f"\n{pem}\n", True),
        (other, False),
        ("nonsense", False),
    ]:
        source = source_of("magento", public_key=keys)
        assert magento.verify(Delivery(source, "POST", headers, {"secret": "s3cret"}, body, RECEIVED)) is proven
    by_address = Delivery(SITE, "POST", {}, {"secret": "s3cret"}, body, RECEIVED)
    assert magento.verify(by_address)
    assert not magento.verify(Delivery(SITE, "POST", headers, {}, body, RECEIVED))
