"""Google's e-commerce objects under Segment's names: parameters become properties, items become products."""

from collections.abc import Mapping
from typing import Any, Final

from ingest.measurement.names import OF_ONE_PRODUCT
from ingest.vendors.reading import compact, first, obj, rows, text

_PROPERTIES: Final = {
    "transaction_id": "order_id",
    "search_term": "query",
    "item_list_id": "list_id",
    "item_list_name": "list_name",
    "promotion_name": "name",
    "creative_name": "creative",
    "creative_slot": "position",
    "payment_type": "payment_method",
    "shipping_tier": "shipping_method",
    "checkout_step": "step",
    "page_location": "url",
    "page_referrer": "referrer",
    "page_title": "title",
}
_PRODUCT: Final = {
    "product_id": ("item_id", "id", "product_id"),
    "sku": ("sku",),
    "name": ("item_name", "name"),
    "brand": ("item_brand", "brand"),
    "category": ("item_category", "category"),
    "variant": ("item_variant", "variant"),
    "price": ("price",),
    "quantity": ("quantity",),
    "coupon": ("coupon",),
    "discount": ("discount",),
    "position": ("index", "position"),
    "currency": ("currency",),
}


def stated(name: str | None, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the properties of the events that one event of Google's is: several where Segment speaks of one product.

    Parameters without a name of Segment's are kept under their own. The `value` of an order is its total.
    """
    properties = {_PROPERTIES.get(key, key): value for key, value in parameters.items() if key != "items"}
    if name in ("Order Completed", "Order Refunded"):
        properties["total"] = properties.pop("value", properties.get("total"))
    products = [product(item) for item in rows(parameters, "items")]
    if name in OF_ONE_PRODUCT and products:
        return [compact({**properties, **each}) for each in products]
    return [compact({**properties, "products": products})]


def product(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as Segment's product. Google's five levels of a category are joined as a path."""
    found = {ours: first(*(item.get(theirs) for theirs in names)) for ours, names in _PRODUCT.items()}
    levels = [level for number in range(2, 6) if (level := text(item, f"item_category{number}"))]
    if levels and (top := text(found["category"])):
        found["category"] = " / ".join((top, *levels))
    return compact(found)


def action(name: str, ecommerce: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the properties of the events that one action of Universal Analytics' objects is."""
    part = ecommerce.get(key)
    fields = obj(part, "actionField")
    parameters: dict[str, Any] = {
        "currency": text(ecommerce, "currencyCode"),
        "transaction_id": text(fields, "id"),
        "value": fields.get("revenue"),
        "tax": fields.get("tax"),
        "shipping": fields.get("shipping"),
        "coupon": text(fields, "coupon"),
        "affiliation": text(fields, "affiliation"),
        "step": fields.get("step"),
        "option": text(fields, "option"),
        "list_name": text(fields, "list"),
        "items": rows(part) or rows(part, "products"),
    }
    if name.startswith("Promotion"):
        shown = rows(part, "promotions")
        return [compact({**each, "promotion_id": text(each, "id"), "id": None}) for each in shown]
    return stated(name, compact(parameters))
