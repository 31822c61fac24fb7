"""Stripe's events: payments are no orders, amounts are in the smallest unit."""

from typing import Any

import pytest

from ingest.canonical import Unfit
from tests.unit.ingest.vendors.reading import final_orders, identifiers, one, said, source_of

ACCOUNT = source_of("stripe", "acct")


def event_of(type_: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "evt_1PgafmB7WZ01zgkW6dKueIc5",
        "object": "event",
        "api_version": "2025-11-17",
        "created": 1769940000,
        "type": type_,
        "data": {"object": found},
    }


CHARGE: dict[str, Any] = {
    "id": "ch_3",
    "object": "charge",
    "amount": 1099,
    "amount_refunded": 0,
    "currency": "eur",
    "customer": "cus_9",
    "status": "succeeded",
    "receipt_email": None,
    "billing_details": {"email": "J@X.fr", "phone": "06 12 34 56 78", "address": {"country": "FR"}},
    "payment_method_details": {"type": "card"},
    "metadata": {"order_id": "1001"},
}


def test_a_payment() -> None:
    event = one(ACCOUNT, "charge.succeeded", event_of("charge.succeeded", CHARGE))
    assert (event["event"], event["channel"]) == ("Payment Succeeded", "order")
    assert event["occurred_at"] == "2026-02-01T10:00:00.000Z"
    assert identifiers(event) == ["stripe:acct:cus_9", "email:j@x.fr", "phone:+33612345678"]
    assert (event["properties"]["amount"], event["properties"]["currency"]) == ("10.99", "EUR")
    assert event["properties"]["metadata"] == {"order_id": "1001"}
    assert final_orders(ACCOUNT, [("charge.succeeded", event_of("charge.succeeded", CHARGE), "evt")]) == {}


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [
        ("eur", 5, "0.05"),
        ("jpy", 500, "500.00"),
        ("kwd", 1234, "1.234"),
        ("usd", "1099", "10.99"),
        ("usd", -250, "-2.50"),
        ("usd", 10.5, None),
        ("usd", True, None),
        ("usd", "9" * 40, None),
    ],
)
def test_amounts(currency: str, amount: Any, shown: str | None) -> None:
    found = {**CHARGE, "currency": currency, "amount": amount}
    assert one(ACCOUNT, "charge.succeeded", event_of("", found))["properties"].get("amount") == shown


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ({"customer": None, "receipt_email": "g@x.fr"}, ["email:g@x.fr"]),
        ({"customer": None, "billing_details": {"email": "b@x.fr"}}, ["email:b@x.fr"]),
        ({"customer": {"id": "cus_1", "email": "e@x.fr"}}, ["stripe:acct:cus_1", "email:e@x.fr"]),
        ({"customer_details": {"email": "d@x.fr"}, "client_reference_id": "u1"}, ["user_id:u1", "email:d@x.fr"]),
        ({"customer": "cus_2", "customer_email": "c@x.fr"}, ["stripe:acct:cus_2", "email:c@x.fr"]),
    ],
)
def test_guests_and_customers(found: dict[str, Any], names: list[str]) -> None:
    assert identifiers(one(ACCOUNT, "payment_intent.succeeded", event_of("", found))) == names


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("charge.refunded", "Payment Refunded"),
        ("payment_intent.succeeded", "Payment Intent Succeeded"),
        ("invoice.paid", "Invoice Paid"),
        ("customer.subscription.created", "Subscription Created"),
        ("customer.subscription.updated", "Subscription Updated"),
        ("customer.subscription.deleted", "Subscription Cancelled"),
        ("checkout.session.completed", "Checkout Session Completed"),
    ],
)
def test_names(type_: str, name: str) -> None:
    assert one(ACCOUNT, type_, event_of(type_, {"customer": "cus_9"}))["event"] == name


def test_a_subscription() -> None:
    found = {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_9",
        "status": "active",
        "cancel_at_period_end": False,
        "items": {"data": [{"price": {"id": "price_1"}, "quantity": 2, "current_period_end": 1772532000}]},
    }
    event = one(ACCOUNT, "customer.subscription.updated", event_of("customer.subscription.updated", found))
    assert event["properties"]["plan_id"] == "price_1"
    assert event["properties"]["current_period_end"] == "2026-03-03T10:00:00.000Z"


def test_a_customer() -> None:
    customer = {"id": "cus_9", "email": "j@x.fr", "name": "Jane", "address": {"country": "FR", "line1": "1 rue X"}}
    event = one(ACCOUNT, "customer.updated", event_of("customer.updated", customer))
    assert (event["type"], identifiers(event)) == ("identify", ["stripe:acct:cus_9", "email:j@x.fr"])
    assert event["traits"]["address"] == {"street": "1 rue X", "country": "FR"}
    assert one(ACCOUNT, "customer.deleted", event_of("", {"id": "cus_9"}))["traits"] == {"account_state": "deleted"}


def test_a_type_that_nobody_understands() -> None:
    (letter,) = said(ACCOUNT, "radar.early_fraud_warning.created", event_of("", {}))
    assert isinstance(letter, Unfit)
