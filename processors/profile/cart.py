"""The cart: what lies in it since it was last emptied or seen whole.

The section is `{"reset": [t, message_id, event_id, lines], "steps": [[t, message_id, event_id, index, product,
quantity, price, currency], …]}`. A *reset* says what the whole cart held: nothing after an order, the listed products
when it was viewed or checkout began; the newest stands. *Steps* are products added (quantity > 0) or removed
(quantity < 0; 0: all of it) since then. Steps carry their time because an older reset may arrive after them; the
newest 100 are kept.
"""

from collections.abc import Sequence
from typing import Any, Final

from processors.profile.amounts import amount_of, amount_text, currency_of, quantity_json, quantity_of
from processors.profile.products import product_id_of, products_of
from schemas.times import to_iso

Cart = dict[str, Any]

MAX_STEPS: Final = 100
EMPTYING: Final = frozenset({"Order Completed"})
SHOWING: Final = frozenset({"Cart Viewed", "Cart Updated", "Checkout Started"})
CHANGING: Final = frozenset({"Product Added", "Product Removed"})
EVENTS: Final = EMPTYING | SHOWING | CHANGING


def add(cart: Cart, event: dict[str, Any], t: int) -> None:
    """Take in one event whose name is in `EVENTS`, in place."""
    name = event["event"]
    mark = [t, event["message_id"], event["event_id"]]
    if name in CHANGING:
        _step(cart, mark, event["properties"], name == "Product Removed")
    elif name in EMPTYING:
        _reset(cart, [*mark, []])
    elif isinstance(event["properties"].get("products"), list):
        _reset(cart, [*mark, [line[4:] for line in _lines(mark, event["properties"], removed=False)]])


def merged(many: Sequence[Cart]) -> Cart:
    """Return the cart of the common timeline. The arguments stay as they are."""
    result: Cart = {}
    steps = sorted((step for cart in many for step in cart.get("steps", ())), key=_place)
    resets = [cart["reset"] for cart in many if "reset" in cart]
    if resets:
        reset = max(resets, key=_mark)
        result["reset"] = reset
        steps = [step for step in steps if step[:3] > reset[:3]]
    if steps:
        result["steps"] = steps[-MAX_STEPS:]
    return result


def shown(cart: Cart | None) -> dict[str, Any]:
    """Return the public form: items in the order in which they came into the cart."""
    if not cart:
        return {"items": [], "updated_at": None}
    reset = cart.get("reset")
    steps = cart.get("steps", ())
    held: dict[str, list[Any]] = {}
    for product, quantity, price, currency in reset[3] if reset else ():
        _put(held, product, quantity, price, currency)
    for _, _, _, _, product, quantity, price, currency in steps:
        _put(held, product, quantity, price, currency)
    items = [
        {
            "product_id": product,
            "quantity": quantity_json(quantity),
            "price": None if price is None else amount_text(price),
            "currency": currency,
        }
        for product, (quantity, price, currency) in held.items()
    ]
    newest = steps[-1] if steps else cart["reset"]
    return {"items": items, "updated_at": to_iso(newest[0])}


def _put(held: dict[str, list[Any]], product: str, quantity: int, price: int | None, currency: str | None) -> None:
    known = held.get(product)
    if quantity <= 0:
        if known is not None:
            known[0] += quantity
            if quantity == 0 or known[0] <= 0:
                del held[product]
    elif known is None:
        held[product] = [quantity, price, currency]
    else:
        known[0] += quantity
        if price is not None:
            known[1:] = [price, currency]


def _step(cart: Cart, mark: list[Any], properties: dict[str, Any], removed: bool) -> None:
    reset = cart.get("reset")
    if reset is not None and mark < reset[:3]:
        return
    steps = cart.get("steps")
    if steps is None:
        steps = cart["steps"] = []
    in_order = not steps or steps[-1][:3] < mark
    steps.extend(_lines(mark, properties, removed))
    if not in_order:
        steps.sort(key=_place)
    if len(steps) > MAX_STEPS:
        del steps[:-MAX_STEPS]
    if not steps:
        del cart["steps"]


def _lines(mark: list[Any], properties: dict[str, Any], removed: bool) -> list[list[Any]]:
    lines = []
    default = properties.get("currency")
    for index, product in enumerate(products_of(properties)):
        product_id = product_id_of(product)
        if product_id is None:
            continue
        stated = product.get("quantity")
        quantity = 0 if removed and stated is None else quantity_of(stated)
        if quantity == 0 and stated is not None:
            continue
        currency = currency_of(product.get("currency", default))
        price = amount_of(product.get("price"))
        lines.append([*mark, index, product_id, -quantity if removed else quantity, price, currency])
    return lines


def _reset(cart: Cart, reset: list[Any]) -> None:
    known = cart.get("reset")
    if known is not None and known[:3] > reset[:3]:
        return
    cart["reset"] = reset
    steps = [step for step in cart.get("steps", ()) if step[:3] > reset[:3]]
    if steps:
        cart["steps"] = steps
    else:
        cart.pop("steps", None)


def _mark(entry: list[Any]) -> list[Any]:
    return entry[:3]


def _place(step: list[Any]) -> list[Any]:
    return step[:4]
