"""Magento's orders, credit memos, customers and newsletter subscribers under Segment's names.

The same objects come in webhooks and over REST. Times are UTC, amounts are numbers of the order's currency.
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.delivery import Message
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import at, compact, first, instant, obj, rows, text
from processors.profile.amounts import amount_of, amount_text
from schemas.source import Source

_STATES: Final = {
    **dict.fromkeys(("new", "pending", "pending_payment", "payment_review", "holded"), "placed"),
    "processing": "paid",
    "complete": "fulfilled",
    **dict.fromkeys(("canceled", "cancelled"), "cancelled"),
    "closed": "refunded",
}


def order(topic: str, content: Mapping[str, Any], source: Source) -> Message:
    """Return what an order says: placed where its topic or its youth says so, else what has become of it."""
    buyer, properties = _buyer(content, source), _properties(content)
    placed, changed = instant(content.get("created_at")), instant(content.get("updated_at"))
    if "delet" in topic or "cancel" in topic or properties["status"] == "cancelled":
        return track("Order Cancelled", buyer, {**properties, "status": "cancelled"}, changed)
    if "creat" in topic or "place" in topic:
        return track("Order Completed", buyer, properties, placed)
    is_new = topic == "order" and properties["status"] == "placed" and changed in (placed, None)
    return track("Order Completed" if is_new else "Order Updated", buyer, properties, changed or placed)


def _properties(order: Mapping[str, Any]) -> dict[str, Any]:
    # The state is Magento's own; the status may be a word of the shop's.
    status = _STATES.get(text(order, "state") or "") or _STATES.get(text(order, "status") or "")
    return {
        "order_id": _order_id(order),
        "order_number": text(order, "increment_id"),
        "status": status,
        "total": order.get("grand_total"),
        "refunded": order.get("total_refunded"),
        "subtotal": order.get("subtotal"),
        "tax": order.get("tax_amount"),
        "shipping": order.get("shipping_amount"),
        "discount": order.get("discount_amount"),
        "coupon": text(order, "coupon_code"),
        "currency": first(text(order, "order_currency_code"), text(order, "base_currency_code")),
        "placed_at": instant(order.get("created_at")),
        "updated_at": instant(order.get("updated_at")),
        "products": [_product(item, "qty_ordered") for item in _items(order)],
        "payment_method": text(order, "payment", "method"),
    }


def _order_id(order: Mapping[str, Any]) -> str | None:
    """Return the id that credit memos name too; the shopper knows the `increment_id`."""
    return text(order, "entity_id") or text(order, "id") or text(order, "increment_id")


def refund(memo: Mapping[str, Any]) -> Message:
    """Return what a credit memo gave back; it names the order by the id that Magento uses inside."""
    properties = {
        "order_id": text(memo, "order_id") or text(memo, "order", "entity_id"),
        "refund_id": text(memo, "entity_id") or text(memo, "increment_id"),
        "total": amount_text(abs(amount_of(memo.get("grand_total")) or 0)),
        "currency": first(text(memo, "order_currency_code"), text(memo, "base_currency_code")),
        "products": [_product(item, "qty") for item in _items(memo)],
    }
    return track("Order Refunded", Person(), properties, instant(memo.get("created_at")))


def _items(holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the lines that have a price: a configurable product's chosen variant is listed again beneath it."""
    return [item for item in rows(holder, "items") if not text(item, "parent_item_id")]


def _product(item: Mapping[str, Any], quantity: str) -> dict[str, Any]:
    return compact(
        {
            "product_id": text(item, "product_id"),
            "sku": text(item, "sku"),
            "name": text(item, "name"),
            "price": item.get("price"),
            "quantity": item.get(quantity),
        }
    )


def _buyer(order: Mapping[str, Any], source: Source) -> Person:
    billing = obj(order, "billing_address") or obj(order, "addresses", 0)
    return Person(
        ids=((f"magento:{source.name}", order.get("customer_id")),),
        email=first(order.get("customer_email"), billing.get("email")),
        phone=billing.get("telephone"),
        country=billing.get("country_id"),
        address=_address(billing),
    )


def customer(account: Mapping[str, Any], source: Source) -> Message:
    """Return who a customer is, and whether they take the newsletter."""
    addresses = rows(account, "addresses")
    address = next((each for each in addresses if each.get("default_billing")), obj(addresses, 0))
    person = Person(
        ids=((f"magento:{source.name}", first(account.get("id"), account.get("entity_id"))),),
        email=account.get("email"),
        phone=address.get("telephone"),
        country=address.get("country_id"),
        address=_address(address),
    )
    subscribed = at(account, "extension_attributes", "is_subscribed")
    traits = {
        "first_name": account.get("firstname"),
        "last_name": account.get("lastname"),
        "country": text(address, "country_id"),
        "created_at": instant(account.get("created_at")),
        "birthday": text(account, "dob"),
        "consent": {"email_marketing": subscribed} if isinstance(subscribed, bool) else {},
    }
    return identify(person, traits, instant(first(account.get("updated_at"), account.get("created_at"))))


def subscriber(content: Mapping[str, Any], source: Source) -> Message:
    """Return what a subscriber of the newsletter decided."""
    person = Person(
        ids=((f"magento:{source.name}", content.get("customer_id")),), email=content.get("subscriber_email")
    )
    # 1 is subscribed; not active, unsubscribed and unconfirmed are not.
    granted = text(content, "subscriber_status") == "1"
    return identify(person, {"consent": {"email_marketing": granted}}, instant(content.get("change_status_at")))


def _address(address: Mapping[str, Any]) -> dict[str, Any]:
    lines = address.get("street")
    street = lines if isinstance(lines, list) else [lines]
    return compact(
        {
            "street": " ".join(line for each in street if (line := text(each))),
            "city": text(address, "city"),
            "state": text(address, "region_code") or text(address, "region"),
            "postal_code": text(address, "postcode"),
        }
    )
