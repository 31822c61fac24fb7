"""Lines of Shopify's orders, carts and refunds, and what a refund gave back. Amounts are in units of 1/10,000."""

from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.reading import compact, first, obj, rows, text
from processors.profile.amounts import UNITS, amount_of, quantity_of

# Money that has not come back, or never will.
_NOT_GIVEN_BACK: Final = frozenset({"failure", "error"})


def product(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of an order, cart or refund as Segment's product."""
    return compact(
        {
            "product_id": text(line, "product_id"),
            "variant_id": text(line, "variant_id"),
            "sku": text(line, "sku"),
            "name": first(text(line, "title"), text(line, "name")),
            "variant": text(line, "variant_title"),
            "brand": text(line, "vendor"),
            "price": line.get("price"),
            "quantity": line.get("quantity"),
            "discount": line.get("total_discount"),
        }
    )


def given_back(refund: Mapping[str, Any]) -> int | None:
    """Return what the payments gave back, in units; where none is listed, what the lines and adjustments are worth.

    None where the refund says nothing of either.
    """
    if isinstance(refund.get("transactions"), list):
        return sum(
            abs(amount_of(each.get("amount")) or 0)
            for each in rows(refund, "transactions")
            if text(each, "kind") in ("refund", None) and text(each, "status") not in _NOT_GIVEN_BACK
        )
    if "refund_line_items" not in refund and "order_adjustments" not in refund:
        return None
    lines = rows(refund, "refund_line_items")
    units = sum(_worth(line) + (amount_of(line.get("total_tax")) or 0) for line in lines)
    # Adjustments are seen from the order: what is given back on top is negative.
    for adjustment in rows(refund, "order_adjustments"):
        units -= (amount_of(adjustment.get("amount")) or 0) + (amount_of(adjustment.get("tax_amount")) or 0)
    return max(units, 0)


def _worth(line: Mapping[str, Any]) -> int:
    """Return what a returned line is worth without tax, in units."""
    stated = amount_of(line.get("subtotal"))
    if stated is not None:
        return stated
    price = amount_of(obj(line, "line_item").get("price")) or 0
    return price * quantity_of(line.get("quantity")) // UNITS
