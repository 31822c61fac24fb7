"""A shop's traffic as its site sends it: people come anonymously, look around, log in, buy, chat; the same for a seed.

Many visits are under way at once, so that one person's events lie close together in the log without being neighbours.
Of the events about a tenth are logins and orders.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from schemas.codec import dumps

COUNTRIES = ("FR", "FR", "FR", "BE", "NL", "LU", "DE", "ES")
CATEGORIES = ("shoes", "shirts", "trousers", "coats", "bags", "hats")
PRODUCTS = 500
# Visits that are under way at the same time, and the time from one event of the shop to the next.
VISITS_AT_ONCE = 50
STEP_MS = 100
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.{} Safari/537.36"


class Sent(NamedTuple):
    """A message of Segment's shape (without times), and when it was sent, in ms since the shop opened."""

    at: int
    message: dict[str, Any]


def traffic(events: int, people: int, seed: int = 1) -> Iterator[Sent]:
    """Return `events` messages of up to `people` people, in the order of time."""
    random = Random(seed)
    visits = [_visit(random, random.randrange(people)) for _ in range(VISITS_AT_ONCE)]
    for number in range(events):
        place = random.randrange(VISITS_AT_ONCE)
        message = next(visits[place], None)
        if message is None:
            visits[place] = _visit(random, random.randrange(people))
            message = next(visits[place])
        message["messageId"] = f"{seed:x}-{number:08d}-{random.getrandbits(64):016x}"
        yield Sent(number * STEP_MS, message)


def sized(message: dict[str, Any], size: int) -> bytes:
    """Return the message as JSON of `size` bytes, filled up in its page's address; a longer one stays as it is."""
    context = message["context"]
    page = {**context["page"], "search": ""}
    bare = {**message, "context": {**context, "page": page}}
    page["search"] = "?utm_source=letter".ljust(size - len(dumps(bare)), "x")
    return dumps(bare)


def person(number: int) -> dict[str, Any]:
    """Return the traits with which a person logs in."""
    return {
        "email": f"person{number}@mail{number % 7}.example",
        "first_name": f"Name{number % 400}",
        "country": COUNTRIES[number % len(COUNTRIES)],
        "plan": "gold" if number % 20 == 0 else "basic",
    }


def _visit(random: Random, number: int) -> Iterator[dict[str, Any]]:
    """Return the messages of one visit of 4 to 12 events."""
    # Most people have one browser, some two; it is known from an earlier visit or not.
    anonymous = f"anon-{number}-{random.randrange(4) // 3}"
    known = random.random() < 0.3
    context = _context(random, number)
    steps = random.randrange(4, 13)
    login = random.randrange(1, steps) if not known and random.random() < 0.45 else None
    basket: list[dict[str, Any]] = []
    for step in range(steps):
        if step == login:
            known = True
            consent = {"categoryPreferences": {"email_marketing": number % 3 == 0}}
            yield {
                "type": "identify",
                "anonymousId": anonymous,
                "userId": f"user-{number}",
                "traits": person(number),
                "context": {**context, "consent": consent},
            }
            continue
        said = _step(random, step, steps, number, known, basket)
        who: dict[str, Any] = {"anonymousId": anonymous}
        if known:
            who["userId"] = f"user-{number}"
        yield {**said, **who, "context": dict(context)}


def _step(
    random: Random, step: int, steps: int, number: int, known: bool, basket: list[dict[str, Any]]
) -> dict[str, Any]:
    if step == 0:
        return {"type": "page", "name": "Home", "properties": {"path": "/", "title": "Home"}}
    if step == steps - 1 and basket and known:
        return _track("Order Completed", _order(random, number, basket))
    chance = random.random()
    if chance < 0.04:
        return _track("Live Chat Message Sent", {"message": "Do you have it in blue?", "agent": "a1"})
    if chance < 0.34:
        category = random.choice(CATEGORIES)
        return {"type": "page", "name": "Category", "properties": {"path": f"/{category}", "title": category}}
    product = _product(random)
    if chance < 0.50:
        basket.append(product)
        return _track("Product Added", {**product, "cart_id": f"cart-{number}"})
    return _track("Product Viewed", product)


def _track(event: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": event, "properties": properties}


def _order(random: Random, number: int, basket: list[dict[str, Any]]) -> dict[str, Any]:
    total = sum(product["price"] for product in basket)
    return {
        "order_id": f"{number}-{random.getrandbits(32):08x}",
        "total": f"{total:.2f}",
        "currency": "EUR",
        "products": [{key: product[key] for key in ("product_id", "price", "quantity")} for product in basket[:3]],
    }


def _product(random: Random) -> dict[str, Any]:
    number = random.randrange(PRODUCTS)
    return {
        "product_id": f"sku-{number}",
        "name": f"Product {number}",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "price": 9.9 + number % 90,
        "currency": "EUR",
        "quantity": 1,
    }


def _context(random: Random, number: int) -> dict[str, Any]:
    return {
        "library": {"name": "analytics.js", "version": "next-1.84.3"},
        "locale": "fr-FR",
        "page": {"path": "/", "url": "https://shop.example/", "referrer": "", "title": "Shop", "search": ""},
        "userAgent": _BROWSER.format(number % 40),
        "timezone": "Europe/Paris",
    }
