"""Shopify's deliveries, shaped as Shopify sends them, and what they become."""

import copy
from typing import Any

import pytest

from ingest.canonical import Unfit
from tests.unit.ingest.vendors.reading import Sent, decided, final_orders, identifiers, one, profile_of, said, source_of

SHOP = source_of("shopify")

CUSTOMER: dict[str, Any] = {
    "id": 706405506930370084,
    "email": "Bob@Biller.com",
    "created_at": "2026-01-30T10:00:00-05:00",
    "updated_at": "2026-02-01T10:00:00-05:00",
    "first_name": "Bob",
    "last_name": "Biller",
    "state": "enabled",
    "verified_email": True,
    "phone": None,
    "tags": "vip, b2b",
    "currency": "USD",
    "email_marketing_consent": {
        "state": "subscribed",
        "opt_in_level": "single_opt_in",
        "consent_updated_at": "2026-01-15T10:00:00-05:00",
    },
    "sms_marketing_consent": {"state": "not_subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": None},
    "default_address": {
        "id": 1,
        "address1": "151 O'Connor Street",
        "address2": "Unit 2",
        "city": "Ottawa",
        "province": "Ontario",
        "country": "Canada",
        "zip": "K2P 2L8",
        "phone": "555-555-5555",
        "province_code": "ON",
        "country_code": "CA",
    },
}

ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
    "cancel_reason": None,
    "cancelled_at": None,
    "cart_token": "c1-68778783ad298f1c80c3bafcddeea02f",
    "checkout_token": "bd5a8aa1ecd019dd3520ff791ee3a24c",
    "contact_email": "bob@biller.com",
    "created_at": "2026-02-01T11:00:00-05:00",
    "updated_at": "2026-02-01T11:00:00-05:00",
    "processed_at": "2026-02-01T11:00:00-05:00",
    "currency": "USD",
    "customer_locale": "en-CA",
    "current_total_price": "398.00",
    "discount_codes": [{"code": "SPRING30", "amount": "30.00", "type": "fixed_amount"}],
    "email": "bob@biller.com",
    "financial_status": "pending",
    "fulfillment_status": None,
    "name": "#9999",
    "order_number": 9999,
    "phone": None,
    "source_name": "web",
    "subtotal_price": "388.00",
    "tags": "",
    "test": False,
    "total_discounts": "20.00",
    "total_price": "398.00",
    "total_shipping_price_set": {"shop_money": {"amount": "10.00", "currency_code": "USD"}},
    "total_tax": "0.00",
    "user_id": None,
    "buyer_accepts_marketing": True,
    "billing_address": {"first_name": "Bob", "phone": "555-555-0123", "city": "Ottawa", "country_code": "CA"},
    "shipping_address": {"first_name": "Steve", "phone": "555-555-9999", "country_code": "CA"},
    "customer": CUSTOMER,
    "line_items": [
        {
            "id": 866550311766439020,
            "product_id": 788032119674292922,
            "variant_id": 42,
            "sku": "IPOD2008PINK",
            "title": "IPod Nano - 8GB",
            "vendor": "Apple",
            "quantity": 1,
            "price": "199.00",
            "total_discount": "0.00",
        },
        {"id": 2, "product_id": None, "variant_id": None, "sku": "", "title": "Tip", "quantity": 1, "price": "199.00"},
    ],
    "fulfillments": [],
    "refunds": [],
}

REFUND: dict[str, Any] = {
    "id": 890088186047892319,
    "order_id": ORDER["id"],
    "created_at": "2026-02-03T11:00:00-05:00",
    "processed_at": "2026-02-03T11:00:00-05:00",
    "note": "Things were damaged",
    "user_id": 548380009,
    "refund_line_items": [
        {"id": 1, "quantity": 1, "subtotal": 199.0, "total_tax": 0.0, "line_item": ORDER["line_items"][0]}
    ],
    "transactions": [
        {"id": 1, "kind": "refund", "status": "success", "amount": "41.94", "currency": "USD", "gateway": "bogus"},
        {"id": 2, "kind": "refund", "status": "failure", "amount": "100.00", "currency": "USD"},
    ],
    "order_adjustments": [],
}


def order(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDER), **changes}


def test_an_order_is_completed() -> None:
    event = one(SHOP, "orders/create", ORDER, "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")
    assert (event["event"], event["channel"], event["message_id"]) == (
        "Order Completed",
        "order",
        "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    )
    assert event["occurred_at"] == "2026-02-01T16:00:00.000Z"
    assert identifiers(event) == [
        "shopify:shop-a:706405506930370084",
        "email:bob@biller.com",
        "phone:+15555555555",
        "anonymous_id:shopify-cart:c1-68778783ad298f1c80c3bafcddeea02f",
        "order:shop-a:820982911946154508",
    ]
    properties = event["properties"]
    assert {key: properties[key] for key in ("order_id", "store", "status", "total", "currency", "updated_at")} == {
        "order_id": "820982911946154508",
        "store": "shop-a",
        "status": "placed",
        "total": "398.00",
        "currency": "USD",
        "updated_at": "2026-02-01T16:00:00.000Z",
    }
    assert (properties["coupon"], properties["shipping"]) == ("SPRING30", "10.00")
    assert properties["products"][0] == {
        "product_id": "788032119674292922",
        "variant_id": "42",
        "sku": "IPOD2008PINK",
        "name": "IPod Nano - 8GB",
        "brand": "Apple",
        "price": "199.00",
        "quantity": 1,
        "discount": "0.00",
    }
    assert decided(event) == {"email_marketing": True}


@pytest.mark.parametrize(
    ("topic", "changes", "event", "status"),
    [
        ("orders/create", {"financial_status": "paid"}, "Order Completed", "paid"),
        ("orders/create", {"financial_status": None}, "Order Completed", "placed"),
        ("orders/paid", {"financial_status": "paid"}, "Order Updated", "paid"),
        ("orders/paid", {"financial_status": None}, "Order Updated", "paid"),
        ("orders/updated", {"financial_status": "authorized"}, "Order Updated", "placed"),
        ("orders/updated", {"financial_status": None}, "Order Updated", None),
        ("orders/updated", {"financial_status": "partially_refunded"}, "Order Updated", "paid"),
        ("orders/updated", {"financial_status": "refunded"}, "Order Updated", "refunded"),
        ("orders/updated", {"financial_status": "voided"}, "Order Updated", "cancelled"),
        (
            "orders/updated",
            {"financial_status": "paid", "cancelled_at": "2026-02-02T00:00:00Z"},
            "Order Updated",
            "cancelled",
        ),
        (
            "orders/fulfilled",
            {"financial_status": "paid", "fulfillment_status": "fulfilled"},
            "Order Updated",
            "fulfilled",
        ),
        (
            "orders/updated",
            {"fulfillment_status": "fulfilled", "fulfillments": [{"shipment_status": "delivered"}]},
            "Order Updated",
            "delivered",
        ),
        (
            "orders/updated",
            {
                "fulfillment_status": "fulfilled",
                "fulfillments": [{"shipment_status": "delivered"}, {"shipment_status": None}],
            },
            "Order Updated",
            "fulfilled",
        ),
        ("orders/cancelled", {"cancelled_at": "2026-02-02T00:00:00Z"}, "Order Cancelled", "cancelled"),
        ("orders/cancelled", {}, "Order Cancelled", "cancelled"),
    ],
)
def test_status(topic: str, changes: dict[str, Any], event: str, status: str | None) -> None:
    found = one(SHOP, topic, order(**changes))
    assert (found["event"], found["properties"].get("status")) == (event, status)


def test_a_deletion_names_only_the_order() -> None:
    event = one(SHOP, "orders/delete", {"id": 820982911946154508})
    assert (event["event"], identifiers(event)) == ("Order Cancelled", ["order:shop-a:820982911946154508"])


def test_a_refund_is_what_this_one_gave_back_and_not_by_the_clerk() -> None:
    event = one(SHOP, "refunds/create", REFUND)
    assert event["event"] == "Order Refunded"
    assert identifiers(event) == ["order:shop-a:820982911946154508"]
    assert event["properties"]["refund_id"] == "890088186047892319"
    assert (event["properties"]["total"], event["properties"]["currency"]) == ("41.94", "USD")


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({"transactions": []}, "0.00"),
        ({"transactions": [{"kind": "refund", "status": "pending", "amount": 12.5}]}, "12.50"),
        ({"transactions": [{"kind": "void", "status": "success", "amount": "5"}]}, "0.00"),
        ({"transactions": None}, "199.00"),
        ({"transactions": None, "order_adjustments": [{"amount": "-5.00", "tax_amount": "-1.00"}]}, "205.00"),
        ({"transactions": None, "refund_line_items": "x"}, "0.00"),
        ({"transactions": None, "refund_line_items": [{"quantity": 2, "line_item": {"price": "9.90"}}]}, "19.80"),
    ],
)
def test_what_a_refund_gave_back(changes: dict[str, Any], total: str) -> None:
    assert one(SHOP, "refunds/create", {**REFUND, **changes})["properties"]["total"] == total


def test_a_refund_that_says_nothing_of_amounts_gave_everything_back() -> None:
    sent: list[Sent] = [("orders/create", ORDER, "1"), ("refunds/create", {"id": 5, "order_id": ORDER["id"]}, "2")]
    (record,) = final_orders(SHOP, sent).values()
    assert (record["status"], record["refunded"]) == ("refunded", "398.00")


def test_a_customer() -> None:
    event = one(SHOP, "customers/update", CUSTOMER)
    assert (event["type"], event["occurred_at"]) == ("identify", "2026-02-01T15:00:00.000Z")
    assert identifiers(event) == ["shopify:shop-a:706405506930370084", "email:bob@biller.com", "phone:+15555555555"]
    traits = event["traits"]
    assert (traits["first_name"], traits["country"], traits["tags"]) == ("Bob", "CA", ["vip", "b2b"])
    assert traits["address"] == {
        "street": "151 O'Connor Street Unit 2",
        "city": "Ottawa",
        "state": "ON",
        "postal_code": "K2P 2L8",
        "country": "CA",
    }
    assert traits["consent"] == {"email_marketing": {"granted": True, "at": "2026-01-15T15:00:00.000Z"}}


@pytest.mark.parametrize(
    ("stated", "granted"),
    [
        ({"email_marketing_consent": {"state": "unsubscribed"}}, {"email_marketing": False}),
        ({"email_marketing_consent": {"state": "pending"}}, {"email_marketing": False}),
        ({"email_marketing_consent": {"state": "not_subscribed"}}, {}),
        ({"email_marketing_consent": None, "accepts_marketing": True}, {"email_marketing": True}),
        (
            {"accepts_marketing": False, "accepts_marketing_updated_at": "2026-01-01T00:00:00Z"},
            {"email_marketing": False},
        ),
        ({"accepts_marketing": False}, {}),
        ({"sms_marketing_consent": {"state": "SUBSCRIBED"}}, {"sms_marketing": True}),
    ],
)
def test_consent(stated: dict[str, Any], granted: dict[str, bool]) -> None:
    assert decided(one(SHOP, "customers/update", {"id": 5, **stated})) == granted


def test_consent_alone() -> None:
    stated = {"state": "unsubscribed", "consent_updated_at": "2026-02-05T10:00:00Z"}
    content = {"customer_id": 5, "email_address": "b@x.fr", "email_marketing_consent": stated}
    event = one(SHOP, "customers_email_marketing_consent/update", content)
    assert identifiers(event) == ["shopify:shop-a:5", "email:b@x.fr"]
    assert event["occurred_at"] == "2026-02-05T10:00:00.000Z"
    assert decided(event) == {"email_marketing": False}


def test_checkouts_and_carts_belong_to_the_visitor_until_an_order_names_them() -> None:
    line = {"product_id": 9, "title": "Shoe", "price": "35.00", "quantity": 2}
    cart = {"id": "c1", "token": "c1", "line_items": [line], "updated_at": "2026-02-01T10:00:00Z"}
    checkout = {
        "id": 7,
        "token": "t1",
        "cart_token": "c1",
        "total_price": "70.00",
        "currency": "EUR",
        "line_items": [line],
    }
    for topic, content, event in [
        ("carts/create", cart, "Cart Updated"),
        ("carts/update", cart, "Cart Updated"),
        ("checkouts/create", checkout, "Checkout Started"),
        ("checkouts/update", {**checkout, "email": "j@x.fr"}, "Checkout Step Completed"),
    ]:
        found = one(SHOP, topic, content)
        assert (found["event"], found["properties"]["products"][0]["product_id"]) == (event, "9")
        assert "anonymous_id:shopify-cart:c1" in identifiers(found)
    assert identifiers(one(SHOP, "checkouts/create", {"token": "t1"})) == ["anonymous_id:shopify-cart:t1"]
    emptied = profile_of(
        SHOP,
        [
            ("carts/create", cart, "1"),
            ("carts/update", {**cart, "line_items": [], "updated_at": "2026-02-01T11:00:00Z"}, "2"),
        ],
    )
    assert emptied["cart"]["reset"][3] == []


def test_the_web_visitor_s_id_may_travel_in_the_cart_s_attributes() -> None:
    event = one(SHOP, "orders/create", order(note_attributes=[{"name": "anonymous_id", "value": "a1"}]))
    assert "anonymous_id:a1" in identifiers(event)


def test_topics_that_say_nothing_and_topics_that_nobody_understands() -> None:
    assert said(SHOP, "orders/edited", {"order_edit": {}}) == []
    (letter,) = said(SHOP, "inventory_levels/update", {"inventory_item_id": 1})
    assert isinstance(letter, Unfit)
    assert letter.reason == "unknown_topic"
    assert letter.payload["topic"] == "inventory_levels/update"


def test_a_customer_sent_again_does_not_renew_an_old_consent() -> None:
    refused = {
        **CUSTOMER,
        "email_marketing_consent": {"state": "unsubscribed", "consent_updated_at": "2026-01-20T00:00:00Z"},
    }
    late = {**CUSTOMER, "first_name": "Robert", "updated_at": "2026-02-20T00:00:00Z"}
    fragment = profile_of(SHOP, [("customers/update", refused, "1"), ("customers/update", late, "2")])
    assert fragment["consent"]["email_marketing"][1] == 1
