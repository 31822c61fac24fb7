"""Magento and Adobe Commerce: orders, credit memos, shipments, invoices and customers.

Adobe Commerce's webhooks are signed with `x-adobe-commerce-webhook-signature`, base64 of RSA-SHA256 over the raw body,
where the shop has set that up; otherwise the address holds a secret. They do not name their topic: it stands in the
address (`?topic=order`), or follows from what the body holds, whose fields the shop chooses. Open-source Magento is
polled over REST, whose objects are the same.
https://developer.adobe.com/commerce/extensibility/webhooks/
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import at, compact, first, instant, obj, rows, text
from ingest.vendors.signature import knows_url_secret
from processors.profile.amounts import amount_of, amount_text
from schemas.source import Source

_PEM_END: Final = "-----END PUBLIC KEY-----"
_STATES: Final = {
    **dict.fromkeys(("new", "pending", "pending_payment", "payment_review", "holded"), "placed"),
    "processing": "paid",
    "complete": "fulfilled",
    **dict.fromkeys(("canceled", "cancelled"), "cancelled"),
    "closed": "refunded",
}
# What a topic is about: the first word that it holds. `sales_order_creditmemo_save_after` is about a credit memo.
_SUBJECTS: Final = ("creditmemo", "credit_memo", "invoice", "shipment", "subscriber", "customer", "order")
# Where the object lies: itself, under its name, or wrapped as Adobe's events are.
_WRAPPERS: Final = ((), ("data",), ("value",), ("event", "data"), ("data", "value"), ("event", "data", "value"))


def verify(delivery: Delivery) -> bool:
    """Tell whether Adobe Commerce signed the body or, for a source without a public key, the address has the secret."""
    pem = delivery.source.public_key
    if pem is None:
        return knows_url_secret(delivery)
    try:
        signature = b64decode(delivery.headers.get("x-adobe-commerce-webhook-signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(_signed_with(key, signature, delivery.body) for key in _keys(pem))


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Adobe Commerce has no handshake."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return the topic that the address or the body names, else what the body is about; and the request's id."""
    stated = delivery.query.get("topic") or text(content, "topic") or text(content, "event_code")
    identity = first(delivery.headers.get("x-adobe-commerce-request-id"), text(content, "event_id"))
    return Topic((stated or _shape(content)).strip().lower(), identity or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what a delivery says; None for a topic that is not understood."""
    subject = next((each for each in _SUBJECTS if each in topic), None)
    if subject is None:
        return None
    found = _object(content, subject)
    if subject in ("creditmemo", "credit_memo"):
        return [_refund(found)]
    if subject == "customer":
        return [_customer(found, source)]
    if subject == "subscriber":
        return [_subscriber(found, source)]
    if subject == "order":
        return [_order(topic, found, source)]
    # Invoices and shipments: the order's own state says what they make of it.
    return []


def _order(topic: str, order: Mapping[str, Any], source: Source) -> Message:
    buyer, properties = _buyer(order, source), _properties(order)
    placed, changed = instant(order.get("created_at")), instant(order.get("updated_at"))
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


def _refund(memo: Mapping[str, Any]) -> Message:
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


def _customer(customer: Mapping[str, Any], source: Source) -> Message:
    addresses = rows(customer, "addresses")
    address = next((each for each in addresses if each.get("default_billing")), obj(addresses, 0))
    person = Person(
        ids=((f"magento:{source.name}", first(customer.get("id"), customer.get("entity_id"))),),
        email=customer.get("email"),
        phone=address.get("telephone"),
        country=address.get("country_id"),
        address=_address(address),
    )
    subscribed = at(customer, "extension_attributes", "is_subscribed")
    traits = {
        "first_name": customer.get("firstname"),
        "last_name": customer.get("lastname"),
        "country": text(address, "country_id"),
        "created_at": instant(customer.get("created_at")),
        "birthday": text(customer, "dob"),
        "consent": {"email_marketing": subscribed} if isinstance(subscribed, bool) else {},
    }
    return identify(person, traits, instant(first(customer.get("updated_at"), customer.get("created_at"))))


def _subscriber(subscriber: Mapping[str, Any], source: Source) -> Message:
    person = Person(
        ids=((f"magento:{source.name}", subscriber.get("customer_id")),), email=subscriber.get("subscriber_email")
    )
    # 1 is subscribed; not active, unsubscribed and unconfirmed are not.
    granted = text(subscriber, "subscriber_status") == "1"
    return identify(person, {"consent": {"email_marketing": granted}}, instant(subscriber.get("change_status_at")))


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


def _object(content: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
    for wrapper in _WRAPPERS:
        holder = obj(content, *wrapper)
        if named := obj(holder, subject):
            return named
    for wrapper in reversed(_WRAPPERS):
        if holder := obj(content, *wrapper):
            return holder
    return content


def _shape(content: Any) -> str:
    """Return the subject of a body whose topic nobody names, or an empty text where it could be anything."""
    for subject in _SUBJECTS:
        if any(obj(content, *wrapper, subject) for wrapper in _WRAPPERS):
            return subject
    found = _object(obj(content), "")
    if "grand_total" in found:
        is_memo = "order_id" in found and ("adjustment" in found or "creditmemo_status" in found)
        return "creditmemo" if is_memo else "invoice" if "order_id" in found else "order"
    if "subscriber_email" in found:
        return "subscriber"
    if "email" in found and "firstname" in found:
        return "customer"
    return ""


@lru_cache(maxsize=64)
def _keys(pem: str) -> list[RSAPublicKey]:
    """Return the RSA keys in a text of one or more PEM blocks: during a rotation the old one and the new one."""
    keys = []
    for block in pem.split(_PEM_END):
        if block.strip():
            try:
                key = load_pem_public_key(f"{block.strip()}\n{_PEM_END}\n".encode())
            except ValueError:
                continue
            if isinstance(key, RSAPublicKey):
                keys.append(key)
    return keys


def _signed_with(key: RSAPublicKey, signature: bytes, body: bytes) -> bool:
    try:
        key.verify(signature, body, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
