"""Shopify: orders, refunds, checkouts, carts, customers and privacy requests.

A delivery is signed with `X-Shopify-Hmac-Sha256`, base64 of HMAC-SHA256 over the raw body. Deliveries come in any
order; an order's `updated_at` decides, and every delivery about an order holds all of it.
https://shopify.dev/docs/api/webhooks
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ingest.vendors import shopify_orders as orders
from ingest.vendors import shopify_people as people
from ingest.vendors.delivery import Delivery, Handshake, Said, Topic
from ingest.vendors.signature import is_signed
from schemas.source import Source

Reader = Callable[[Mapping[str, Any], Source], Sequence[Said]]

_READERS: Final[dict[str, Reader]] = {
    "orders/create": orders.created,
    **dict.fromkeys(("orders/updated", "orders/partially_fulfilled"), orders.updated),
    "orders/paid": orders.paid,
    "orders/fulfilled": orders.fulfilled,
    "orders/cancelled": orders.cancelled,
    "orders/delete": orders.deleted,
    "refunds/create": orders.refunded,
    "checkouts/create": orders.checkout_started,
    "checkouts/update": orders.checkout_continued,
    **dict.fromkeys(("carts/create", "carts/update"), orders.cart_updated),
    **dict.fromkeys(("customers/create", "customers/update", "customers/enable", "customers/disable"), people.customer),
    "customers/delete": people.deleted,
    "customers_email_marketing_consent/update": people.consent,
    "customers_marketing_consent/update": people.consent,
    "customers/redact": people.redacted,
    "customers/data_request": people.data_requested,
    "shop/redact": people.shop_redacted,
}
# What another topic says as well, or nothing about a person.
_SILENT: Final = frozenset({"orders/edited", "checkouts/delete", "fulfillments/create", "fulfillments/update"})


def verify(delivery: Delivery) -> bool:
    """Tell whether Shopify signed the body."""
    signature = delivery.headers.get("x-shopify-hmac-sha256", "")
    return is_signed(delivery.source, delivery.body, [signature], form="base64")


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Shopify has no handshake."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return `X-Shopify-Topic` and `X-Shopify-Webhook-Id`, which is the same for every attempt."""
    headers = delivery.headers
    name = headers.get("x-shopify-topic", "").strip().lower()
    return Topic(name, headers.get("x-shopify-webhook-id", "").strip() or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> Sequence[Said] | None:
    """Return what a delivery says; None for a topic that is not understood."""
    if topic in _SILENT:
        return []
    reader = _READERS.get(topic)
    return None if reader is None else reader(content, source)
