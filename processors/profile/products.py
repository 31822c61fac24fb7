"""Products as events list them: which one, how many, at what price. Segment's e-commerce names."""

from collections.abc import Iterator
from typing import Any, Final

from processors.identity.normalise import text_of
from processors.profile.amounts import LIMIT, UNITS, amount_of, amount_text, quantity_json, quantity_of

# Longer names are no names; they would make a profile grow with junk.
MAX_NAME: Final = 200
MAX_LINES: Final = 500

Line = list[Any]  # [product_id, name, category, quantity in units, price in units or None]


def name_of(value: Any) -> str | None:
    """Return a product's, brand's or category's name as trimmed text, or None for what is none or is too long."""
    text = text_of(value)
    return text if text and len(text) <= MAX_NAME else None


def product_id_of(product: dict[str, Any]) -> str | None:
    """Return what a product is known by: its `product_id`, else its `sku`, else its `name`."""
    return name_of(product.get("product_id")) or name_of(product.get("sku")) or name_of(product.get("name"))


def products_of(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the products that an event lists, or the one that it is about."""
    listed = properties.get("products")
    if isinstance(listed, list):
        for product in listed[:MAX_LINES]:
            if isinstance(product, dict):
                yield product
    else:
        yield properties


def lines_of(properties: dict[str, Any]) -> list[Line]:
    """Return the lines of `properties.products`; entries that name no product are left out."""
    listed = properties.get("products")
    if not isinstance(listed, list):
        return []
    lines: list[Line] = []
    for product in listed[:MAX_LINES]:
        if isinstance(product, dict) and (product_id := product_id_of(product)) is not None:
            lines.append(
                [
                    product_id,
                    name_of(product.get("name")),
                    name_of(product.get("category")),
                    quantity_of(product.get("quantity")),
                    amount_of(product.get("price")),
                ]
            )
    return lines


def sum_of(lines: list[Line], prices: dict[str, int] | None = None) -> int | None:
    """Return the price of all lines together, in units, or None where no price is known or the sum is absurd.

    `prices` fills in what a line does not say. A fraction of a unit is rounded half to even, per line.
    """
    known = [
        (price, line[3])
        for line in lines
        if (price := line[4] if line[4] is not None else (prices or {}).get(line[0])) is not None
    ]
    total = sum(_product(price, quantity) for price, quantity in known)
    return total if known and -LIMIT < total < LIMIT else None


def _product(price: int, quantity: int) -> int:
    whole, rest = divmod(price * quantity, UNITS)
    return whole + (2 * rest > UNITS or (2 * rest == UNITS and whole % 2 == 1))


def line_json(line: Line) -> dict[str, Any]:
    """Return a line as an order shows it."""
    product_id, name, category, quantity, price = line
    return {
        "product_id": product_id,
        "name": name,
        "category": category,
        "quantity": quantity_json(quantity),
        "price": None if price is None else amount_text(price),
    }
