"""Shopify's orders, refunds, checkouts and carts under Segment's e-commerce names.

An order is sent whole whenever anything about it changes. Amounts are the shop's own currency's, as Shopify wrote
them; `total_price` stays what was charged, whatever is given back.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ingest.vendors.delivery import Message
from ingest.vendors.message import Person, track
from ingest.vendors.reading import at, compact, first, instant, obj, rows, text
from ingest.vendors.shopify_lines import given_back, product
from ingest.vendors.shopify_people import address_of, person_of
from processors.profile.amounts import amount_text
from schemas.source import Source

# Cart attributes in which a shop hands its web visitor's id over to the order.
_VISITOR_NOTES: Final = frozenset({"anonymous_id", "anonymousId"})


def created(order: Mapping[str, Any], source: Source) -> list[Message]:
    """orders/create."""
    consent: dict[str, Any] = {}
    # The box at the checkout: ticked it is a decision, left alone it is none. Later deliveries only repeat it.
    if order.get("buyer_accepts_marketing") is True:
        consent = {"consent": {"categoryPreferences": {"email_marketing": True}}}
    when = instant(order.get("created_at"))
    properties = _properties(order, _status(order) or "placed")
    return [track("Order Completed", _buyer(order, source), properties, when, context=consent)]


def updated(order: Mapping[str, Any], source: Source) -> list[Message]:
    """orders/updated and everything else that sends the whole order."""
    return _updated(order, source, None)


def paid(order: Mapping[str, Any], source: Source) -> list[Message]:
    """orders/paid."""
    return _updated(order, source, "paid")


def fulfilled(order: Mapping[str, Any], source: Source) -> list[Message]:
    """orders/fulfilled."""
    return _updated(order, source, "fulfilled")


def cancelled(order: Mapping[str, Any], source: Source) -> list[Message]:
    """orders/cancelled."""
    when = instant(order.get("cancelled_at")) or instant(order.get("updated_at"))
    return [track("Order Cancelled", _buyer(order, source), _properties(order, "cancelled"), when)]


def deleted(order: Mapping[str, Any], source: Source) -> list[Message]:
    """orders/delete: only an id; the order's own identifier finds its person."""
    return [track("Order Cancelled", Person(), {"order_id": text(order, "id"), "status": "cancelled"}, None)]


def refunded(refund: Mapping[str, Any], source: Source) -> list[Message]:
    """refunds/create: what this refund gave back. `user_id` in it is the clerk, and names nobody here.

    A refund that only restocks gives back nothing, which is said: without a total it would be everything.
    """
    returned = given_back(refund)
    lines = []
    for line in rows(refund, "refund_line_items"):
        quantity = line.get("quantity")
        lines.append({**product(obj(line, "line_item")), "quantity": quantity})
    properties = {
        "order_id": text(refund, "order_id"),
        "refund_id": text(refund, "id"),
        "total": None if returned is None else amount_text(returned),
        "currency": _refund_currency(refund),
        "reason": text(refund, "note"),
        "products": [compact(line) for line in lines],
    }
    when = first(instant(refund.get("processed_at")), instant(refund.get("created_at")))
    return [track("Order Refunded", Person(), properties, when)]


def checkout_started(checkout: Mapping[str, Any], source: Source) -> list[Message]:
    """checkouts/create."""
    return [_checkout("Checkout Started", checkout, source, instant(checkout.get("created_at")))]


def checkout_continued(checkout: Mapping[str, Any], source: Source) -> list[Message]:
    """checkouts/update: often the first delivery that knows who it is."""
    return [_checkout("Checkout Step Completed", checkout, source, instant(checkout.get("updated_at")))]


def cart_updated(cart: Mapping[str, Any], source: Source) -> list[Message]:
    """carts/create and carts/update: what the cart holds now. Its token is the visitor's until an order names them."""
    token = first(text(cart, "token"), text(cart, "id"))
    products = [product(line) for line in rows(cart, "line_items")]
    properties = {"cart_id": token, "products": products}
    when = instant(cart.get("updated_at")) or instant(cart.get("created_at"))
    message = track("Cart Updated", Person(anonymous_id=_visitor(token)), properties, when)
    # An empty cart is said too: nothing else tells that it was emptied.
    message.setdefault("properties", {}).setdefault("products", [])
    return [message]


def _updated(order: Mapping[str, Any], source: Source, status: str | None) -> list[Message]:
    when = instant(order.get("updated_at"))
    return [track("Order Updated", _buyer(order, source), _properties(order, _status(order) or status), when)]


def _checkout(event: str, checkout: Mapping[str, Any], source: Source, when: str | None) -> Message:
    properties = {
        **_amounts(checkout),
        "checkout_id": first(text(checkout, "token"), text(checkout, "id")),
        "products": [product(line) for line in rows(checkout, "line_items")],
    }
    buyer = _buyer(checkout, source)
    if buyer.anonymous_id is None:
        buyer = replace(buyer, anonymous_id=_visitor(properties["checkout_id"]))
    return track(event, buyer, properties, when)


def _properties(order: Mapping[str, Any], status: str | None) -> dict[str, Any]:
    return {
        "order_id": text(order, "id"),
        "order_number": first(text(order, "name"), text(order, "order_number")),
        "status": status,
        **_amounts(order),
        "refunded": _refunded(order),
        "placed_at": instant(first(order.get("processed_at"), order.get("created_at"))),
        "updated_at": instant(first(order.get("updated_at"), order.get("cancelled_at"))),
        "products": [product(line) for line in rows(order, "line_items")],
        "checkout_id": text(order, "checkout_token"),
        "payment_status": text(order, "financial_status"),
        "fulfillment_status": text(order, "fulfillment_status"),
        "cancel_reason": text(order, "cancel_reason"),
        "sales_channel": text(order, "source_name"),
        "test": True if order.get("test") is True else None,
    }


def _amounts(order: Mapping[str, Any]) -> dict[str, Any]:
    shipping = first(
        at(order, "total_shipping_price_set", "shop_money", "amount"), at(order, "shipping_lines", 0, "price")
    )
    return {
        "total": order.get("total_price"),
        "subtotal": order.get("subtotal_price"),
        "tax": order.get("total_tax"),
        "shipping": shipping,
        "discount": order.get("total_discounts"),
        "coupon": text(order, "discount_codes", 0, "code"),
        "currency": text(order, "currency"),
    }


def _status(order: Mapping[str, Any]) -> str | None:
    """Return how far the order is, as it says itself; None where it does not.

    Once cancelled every later delivery says so again. What was given back in part is known from refunds.
    """
    payment, fulfillment = text(order, "financial_status"), text(order, "fulfillment_status")
    if first(order.get("cancelled_at")) is not None or payment == "voided":
        return "cancelled"
    if payment == "refunded":
        return "refunded"
    if fulfillment == "fulfilled":
        shipments = [each for each in rows(order, "fulfillments") if each.get("status") != "cancelled"]
        arrived = shipments and all(each.get("shipment_status") == "delivered" for each in shipments)
        return "delivered" if arrived else "fulfilled"
    if payment in ("paid", "partially_refunded"):
        return "paid"
    return "placed" if payment is not None else None


def _buyer(order: Mapping[str, Any], source: Source) -> Person:
    """Return who ordered: the customer, reached as the order says. A guest has an e-mail address or a phone only."""
    customer = person_of(obj(order, "customer"), source)
    billing, shipping = obj(order, "billing_address"), obj(order, "shipping_address")
    noted = (each.get("value") for each in rows(order, "note_attributes") if text(each, "name") in _VISITOR_NOTES)
    return Person(
        ids=customer.ids,
        anonymous_id=next(noted, None) or _visitor(first(text(order, "cart_token"), text(order, "checkout_token"))),
        email=first(order.get("email"), order.get("contact_email"), customer.email),
        phone=first(order.get("phone"), customer.phone, billing.get("phone")),
        country=first(billing.get("country_code"), shipping.get("country_code"), customer.country),
        locale=order.get("customer_locale"),
        address=address_of(billing),
    )


def _visitor(token: str | None) -> str | None:
    return f"shopify-cart:{token}" if token else None


def _refunded(order: Mapping[str, Any]) -> str | None:
    """Return what was given back so far, as the listed refunds say."""
    if not isinstance(order.get("refunds"), list):
        return None
    return amount_text(sum(given_back(refund) or 0 for refund in rows(order, "refunds")))


def _refund_currency(refund: Mapping[str, Any]) -> str | None:
    paid = text(refund, "transactions", 0, "currency")
    return paid or text(refund, "refund_line_items", 0, "subtotal_set", "shop_money", "currency_code")
