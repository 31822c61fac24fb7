"""The order inside an order event, under one set of names whatever vendor it came from.

Segment's e-commerce names are the canonical ones; this makes the few fields that everybody downstream relies on
certain.
"""

from collections.abc import Mapping
from typing import Any

from ingest.clock import moment
from processors.identity.normalise import text_of
from schemas.times import to_iso


def order_properties(event: str | None, properties: Mapping[str, Any], store: str) -> dict[str, Any]:
    """Return the properties of an order event with `order_id`, `store`, `total`, `currency` and `updated_at` in order.

    `order_id` is text; `store` is the event's own, else `store`; `currency` is in upper case; `updated_at` is ISO 8601
    UTC, or absent where it is no time. A `total` that is missing is the `revenue` or `value`, except on a refund,
    where a missing total means that everything was given back.
    """
    order = dict(properties)
    order_id = text_of(order.pop("orderId", None)) if "order_id" not in order else text_of(order["order_id"])
    if order_id:
        order["order_id"] = order_id
    else:
        order.pop("order_id", None)
    order["store"] = text_of(order.get("store")) or store
    if order.get("total") is None:
        order.pop("total", None)
        if event != "Order Refunded":
            amount = next((order[key] for key in ("revenue", "value") if order.get(key) is not None), None)
            if amount is not None:
                order["total"] = amount
    if isinstance(currency := order.get("currency"), str):
        order["currency"] = currency.strip().upper()
    if "updated_at" in order:
        updated = moment(order.pop("updated_at"))
        if updated is not None:
            order["updated_at"] = to_iso(updated)
    return order
