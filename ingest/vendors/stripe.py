"""Stripe: payments, invoices, subscriptions and customers. A payment is no order: the shop's own system says what was
ordered.

`Stripe-Signature: t=…,v1=hex[,v1=…]` is HMAC-SHA256 over "{t}.{raw body}", at most 300 s old; any `v1` may match.
Checked here and not with Stripe's library, which takes no bytes that are not UTF-8, reads the clock itself and lets
timestamps of the future pass.
https://docs.stripe.com/webhooks
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import at, compact, first, instant, obj, text
from ingest.vendors.signature import is_recent, is_signed, whole
from processors.profile.amounts import LIMIT, UNITS, amount_text
from schemas.source import Source

# Amounts are in the currency's smallest unit: the currencies that have none, and those that have thousandths.
# https://docs.stripe.com/currencies#zero-decimal
_WHOLE: Final = re.compile("BIF|CLP|DJF|GNF|JPY|KMF|KRW|MGA|PYG|RWF|UGX|VND|VUV|XAF|XOF|XPF")
_THOUSANDTHS: Final = re.compile("BHD|JOD|KWD|OMR|TND")

_NAMES: Final = {
    "charge.succeeded": "Payment Succeeded",
    "charge.failed": "Payment Failed",
    "charge.refunded": "Payment Refunded",
    "charge.dispute.created": "Payment Disputed",
    "payment_intent.succeeded": "Payment Intent Succeeded",
    "payment_intent.payment_failed": "Payment Intent Failed",
    "invoice.paid": "Invoice Paid",
    "invoice.payment_failed": "Invoice Payment Failed",
    "checkout.session.completed": "Checkout Session Completed",
    "checkout.session.expired": "Checkout Session Expired",
    "customer.subscription.created": "Subscription Created",
    "customer.subscription.updated": "Subscription Updated",
    "customer.subscription.deleted": "Subscription Cancelled",
    "customer.subscription.paused": "Subscription Paused",
    "customer.subscription.resumed": "Subscription Resumed",
    "customer.subscription.trial_will_end": "Subscription Trial Ending",
}


def verify(delivery: Delivery) -> bool:
    """Tell whether Stripe signed the body lately."""
    timestamp, signatures = "", []
    for item in delivery.headers.get("stripe-signature", "").split(","):
        key, _, value = item.strip().partition("=")
        if key == "t":
            timestamp = value
        elif key == "v1":
            signatures.append(value)
    seconds = whole(timestamp)
    if not is_recent(None if seconds is None else seconds * 1000, delivery):
        return False
    return is_signed(delivery.source, f"{timestamp}.".encode() + delivery.body, signatures)


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Stripe has no handshake."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return the event's type and id."""
    return Topic(text(content, "type") or "", text(content, "id") or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what an event says; None for a type that is not understood."""
    found, happened = obj(content, "data", "object"), instant(content.get("created"))
    if topic in ("customer.created", "customer.updated"):
        return [_customer(found, source, happened)]
    if topic == "customer.deleted":
        return [identify(_account(found.get("id"), source), {"account_state": "deleted"}, happened)]
    name = _NAMES.get(topic)
    if name is None:
        return None
    return [track(name, _payer(found, source), _properties(found), happened)]


def _payer(found: Mapping[str, Any], source: Source) -> Person:
    """Return who pays: the customer where there is one, else a guest with the address the receipt goes to."""
    billing, details = obj(found, "billing_details"), obj(found, "customer_details")
    customer = found.get("customer")
    return Person(
        # An expanded customer is an object.
        ids=_account(text(customer, "id") or customer, source).ids,
        user_id=text(found, "client_reference_id"),
        email=first(
            found.get("receipt_email"),
            billing.get("email"),
            found.get("customer_email"),
            details.get("email"),
            text(customer, "email"),
        ),
        phone=first(billing.get("phone"), details.get("phone"), found.get("customer_phone")),
        country=first(text(billing, "address", "country"), text(details, "address", "country")),
    )


def _account(customer_id: Any, source: Source) -> Person:
    return Person(ids=((f"stripe:{source.name}", customer_id),))


def _properties(found: Mapping[str, Any]) -> dict[str, Any]:
    currency = (text(found, "currency") or "").upper()
    paid = first(found.get("amount_paid"), found.get("amount_received"), found.get("amount_total"), found.get("amount"))
    item = obj(found, "items", "data", 0)
    return {
        "payment_object": text(found, "object"),
        "payment_id": text(found, "id"),
        "amount": _amount(paid, currency),
        "amount_refunded": _amount(found.get("amount_refunded"), currency),
        "currency": currency or None,
        "status": text(found, "status"),
        "description": text(found, "description"),
        "failure_reason": first(text(found, "failure_message"), text(found, "last_payment_error", "message")),
        "payment_method": text(found, "payment_method_details", "type"),
        "invoice_id": text(found, "invoice"),
        "subscription_id": text(found, "subscription"),
        "plan_id": first(text(item, "price", "id"), text(found, "plan", "id")),
        "quantity": item.get("quantity"),
        "current_period_end": instant(first(found.get("current_period_end"), item.get("current_period_end"))),
        "cancel_at_period_end": found.get("cancel_at_period_end"),
        # What the shop wrote beside it, the number of its own order for one.
        "metadata": dict(obj(found, "metadata")),
    }


def _customer(customer: Mapping[str, Any], source: Source, happened: str | None) -> Message:
    address = obj(customer, "address")
    person = Person(
        ids=_account(customer.get("id"), source).ids,
        email=customer.get("email"),
        phone=customer.get("phone"),
        country=address.get("country"),
        address=compact(
            {
                "street": " ".join(line for key in ("line1", "line2") if (line := text(address, key))),
                "city": text(address, "city"),
                "state": text(address, "state"),
                "postal_code": text(address, "postal_code"),
            }
        ),
    )
    locales = customer.get("preferred_locales")
    traits = {
        "name": text(customer, "name"),
        "country": text(address, "country"),
        "locale": text(at(locales, 0)),
        "created_at": instant(customer.get("created")),
    }
    return identify(person, traits, happened)


def _amount(value: Any, currency: str) -> str | None:
    """Return an amount of smallest units as decimal text; None for what is no whole number."""
    digits = text(value)
    if digits is None or not digits.removeprefix("-").isdigit() or len(digits) > 18:
        return None
    unit = UNITS if _WHOLE.fullmatch(currency) else UNITS // 1000 if _THOUSANDTHS.fullmatch(currency) else UNITS // 100
    units = int(digits) * unit
    return amount_text(units) if abs(units) < LIMIT else None
