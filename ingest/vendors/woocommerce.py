"""WooCommerce: orders with what was given back of them, and customers.

A delivery is signed with `X-WC-Webhook-Signature`, base64 of HMAC-SHA256 over the raw body. When a webhook is saved the
shop first sends a form, `webhook_id=N`, without a signature. What polling reads over REST has the same shape.
https://woocommerce.github.io/woocommerce-rest-api-docs/
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.answers import SUCCESS
from ingest.vendors.delivery import GET, Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import compact, first, instant, obj, rows, text
from ingest.vendors.signature import is_signed
from processors.profile.amounts import amount_of, amount_text
from schemas.source import Source

# What WooCommerce calls it -> what Kith does.
_STATUSES: Final = {
    **dict.fromkeys(("pending", "on-hold"), "placed"),
    "processing": "paid",
    "completed": "fulfilled",
    **dict.fromkeys(("cancelled", "failed", "trash"), "cancelled"),
    "refunded": "refunded",
}
# An order that is being filled in at the checkout: none has been placed yet.
_DRAFTS: Final = frozenset({"checkout-draft", "auto-draft", "draft"})
# Order meta in which a shop hands its web visitor's id over.
_VISITOR_META: Final = frozenset({"anonymous_id", "_anonymous_id", "anonymousId"})


def verify(delivery: Delivery) -> bool:
    """Tell whether the shop signed the body."""
    signature = delivery.headers.get("x-wc-webhook-signature", "")
    return is_signed(delivery.source, delivery.body, [signature], form="base64")


def handshake(delivery: Delivery) -> Handshake | None:
    """Return the answer to the form that the shop sends when a webhook is saved."""
    is_ping = delivery.body.startswith(b"webhook_id=") and len(delivery.body) < 64
    return Handshake(200, SUCCESS, "application/json") if is_ping and delivery.method != GET else None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return `X-WC-Webhook-Topic` and `X-WC-Webhook-Delivery-ID`."""
    headers = delivery.headers
    name = headers.get("x-wc-webhook-topic", "").strip().lower()
    return Topic(name, headers.get("x-wc-webhook-delivery-id", "").strip() or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what a delivery says; None for a topic that is not understood."""
    if topic == "order.deleted":
        return [track("Order Cancelled", Person(), {"order_id": text(content, "id"), "status": "cancelled"}, None)]
    if topic in ("order.created", "order.updated", "order.restored"):
        return _order(content, source, is_new=topic == "order.created")
    if topic in ("customer.created", "customer.updated"):
        return [_customer(content, source)]
    if topic == "customer.deleted":
        return [identify(_account(content.get("id"), source), {"account_state": "deleted"}, None)]
    return None


def _order(order: Mapping[str, Any], source: Source, *, is_new: bool) -> list[Message]:
    """Return the order's state. Refunds have no topic and no time of their own: what they come to is in the order."""
    state = text(order, "status")
    buyer, properties = _buyer(order, source), _properties(order)
    placed = _time(order, "date_created")
    if state in _DRAFTS:
        return [
            track("Checkout Started", buyer, {**properties, "order_id": None, "checkout_id": text(order, "id")}, placed)
        ]
    if is_new:
        return [track("Order Completed", buyer, properties, placed)]
    event = "Order Cancelled" if properties["status"] == "cancelled" else "Order Updated"
    return [track(event, buyer, properties, _time(order, "date_modified") or placed)]


def _refunded(order: Mapping[str, Any]) -> str | None:
    """Return what was given back so far, as the listed refunds say with their negative amounts."""
    if not isinstance(order.get("refunds"), list):
        return None
    return amount_text(sum(abs(amount_of(refund.get("total")) or 0) for refund in rows(order, "refunds")))


def _properties(order: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "order_id": text(order, "id"),
        "order_number": text(order, "number"),
        "status": _STATUSES.get(text(order, "status") or ""),
        "total": order.get("total"),
        "refunded": _refunded(order),
        "tax": order.get("total_tax"),
        "shipping": order.get("shipping_total"),
        "discount": order.get("discount_total"),
        "coupon": text(order, "coupon_lines", 0, "code"),
        "currency": text(order, "currency"),
        "placed_at": _time(order, "date_created"),
        "updated_at": _time(order, "date_modified"),
        "products": [_product(line) for line in rows(order, "line_items")],
        "payment_method": text(order, "payment_method"),
        "sales_channel": text(order, "created_via"),
    }


def _product(line: Mapping[str, Any]) -> dict[str, Any]:
    return compact(
        {
            "product_id": text(line, "product_id"),
            "variant_id": None if line.get("variation_id") in (0, "0") else text(line, "variation_id"),
            "sku": text(line, "sku"),
            "name": first(text(line, "parent_name"), text(line, "name")),
            "price": line.get("price"),
            "quantity": line.get("quantity"),
        }
    )


def _buyer(order: Mapping[str, Any], source: Source) -> Person:
    billing, shipping = obj(order, "billing"), obj(order, "shipping")
    noted = (each.get("value") for each in rows(order, "meta_data") if text(each, "key") in _VISITOR_META)
    return Person(
        ids=_account(order.get("customer_id"), source).ids,
        anonymous_id=next(noted, None),
        email=billing.get("email"),
        phone=billing.get("phone"),
        country=first(billing.get("country"), shipping.get("country")),
        address=_address(billing),
    )


def _account(customer_id: Any, source: Source) -> Person:
    """Return who an account's id names; 0 is a guest, and a blocked value everywhere."""
    return Person(ids=((f"woocommerce:{source.name}", customer_id),))


def _customer(customer: Mapping[str, Any], source: Source) -> Message:
    billing = obj(customer, "billing")
    person = Person(
        ids=_account(customer.get("id"), source).ids,
        email=first(customer.get("email"), billing.get("email")),
        phone=billing.get("phone"),
        country=billing.get("country"),
        address=_address(billing),
    )
    traits = {
        "first_name": first(customer.get("first_name"), billing.get("first_name")),
        "last_name": first(customer.get("last_name"), billing.get("last_name")),
        "country": text(billing, "country"),
        "created_at": _time(customer, "date_created"),
        "company": text(billing, "company"),
        "role": text(customer, "role"),
    }
    return identify(person, traits, _time(customer, "date_modified") or _time(customer, "date_created"))


def _address(billing: Mapping[str, Any]) -> dict[str, Any]:
    street = " ".join(part for key in ("address_1", "address_2") if (part := text(billing, key)))
    return compact(
        {
            "street": street,
            "city": text(billing, "city"),
            "state": text(billing, "state"),
            "postal_code": text(billing, "postcode"),
        }
    )


def _time(holder: Mapping[str, Any], key: str) -> str | None:
    """Return a time from its `_gmt` field; the other one is the shop's wall clock, which only a naming offset helps."""
    return instant(first(holder.get(f"{key}_gmt"), holder.get(key)))
