"""Canonical events for the tests of this folder: a builder, and what Hypothesis makes of it."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from schemas.identifier import Identifier, event_id_of, seed_of
from schemas.times import to_iso, to_millis

NOON = to_millis("2026-03-01T12:00:00Z")
MINUTE = 60_000
DAY = 86_400_000

Json = dict[str, Any]


def event(
    name: str | None = None,
    t: int = NOON,
    *,
    type: str | None = None,
    channel: str = "web",
    source: str = "shop",
    message: str | None = None,
    identifiers: tuple[tuple[str, str], ...] = (("anonymous_id", "a1"),),
    **parts: Any,
) -> Json:
    """Return a canonical event; `parts` are its properties, traits and context."""
    kind = type or ("track" if name else "page")
    message_id = message or f"{kind}-{name}-{t}"
    return {
        "schema_version": 1,
        "event_id": event_id_of(source, message_id),
        "source": source,
        "channel": channel,
        "type": kind,
        "event": name,
        "message_id": message_id,
        "seed": seed_of(Identifier(*identifiers[0])),
        "identifiers": [{"type": type_, "value": value} for type_, value in identifiers],
        "occurred_at": to_iso(t),
        "received_at": to_iso(t + 1000),
        "sent_at": None,
        "original_timestamp": None,
        "properties": parts.get("properties", {}),
        "traits": parts.get("traits", {}),
        "context": parts.get("context", {}),
        "integrations": {},
        "flags": [],
    }


def order_event(name: str = "Order Completed", t: int = NOON, order: Any = "1001", **properties: Any) -> Json:
    """Return an order event of the store `shop` as the collector writes it."""
    message = properties.pop("message", None)
    identifiers = properties.pop("identifiers", (("user_id", "u1"),))
    source = properties.pop("source", "shop")
    return event(
        name,
        t,
        channel="order",
        source=source,
        message=message or f"{name}-{t}-{sorted(properties.items())}",
        identifiers=(*identifiers, (f"order:{properties.get('store', 'shop')}", str(order))),
        properties={"order_id": order, **properties},
    )


def timed(events: list[Json]) -> list[tuple[Json, int]]:
    """Return events with their times in ms."""
    return [(each, to_millis(each["occurred_at"])) for each in events]


_names = st.sampled_from(["shoes", "hats", "bags", "Schüre"])
_products = st.fixed_dictionaries(
    {"product_id": st.sampled_from(["p1", "p2", "p3", 7])},
    optional={
        "category": _names,
        "brand": _names,
        "quantity": st.sampled_from([1, 2, "3", 0, -1, "x"]),
        "price": st.sampled_from([1, "19.90", 4.5, "1 234,50", None, "free"]),
        "currency": st.sampled_from(["EUR", "usd", "?"]),
    },
)
# Few distinct instants, so that ties, joins of sessions and cuts between periods all happen.
times = st.one_of(
    st.integers(NOON - 40 * MINUTE, NOON + 40 * MINUTE),
    st.sampled_from([NOON, NOON + 1, NOON + 30 * MINUTE, NOON + 30 * MINUTE - 1]),
    st.integers(NOON - 30 * DAY, NOON + 30 * DAY),
    st.sampled_from([to_millis("1970-01-01T00:00:00Z"), to_millis("1900-01-01T00:00:00Z"), (1 << 30) * 1655]),
)
_traits: st.SearchStrategy[Json] = st.dictionaries(
    st.sampled_from(["first_name", "country", "address", "age"]),
    st.sampled_from(["", "Jane", None, 3, 3.5, True, {"city": "Lille", "zip": None}, ["a", "b"]]),
    max_size=3,
)
_consent = st.dictionaries(
    st.sampled_from(["email_marketing", "ads"]),
    st.sampled_from([True, False, None, "yes", 1, {"granted": True}, {"sms": True, "email": False}]),
    max_size=2,
)
_context = st.fixed_dictionaries(
    {},
    optional={
        "campaign": st.sampled_from([{"source": "google", "name": "spring"}, {}, "x", {"medium": "cpc"}]),
        "page": st.sampled_from(
            [{"url": "https://shop.fr/a", "referrer": "https://www.shop.fr/"}, {"referrer": "https://search.example/q"}]
        ),
        "consent": _consent.map(lambda preferences: {"categoryPreferences": preferences}),
    },
)
_identifiers = st.sampled_from(
    [
        (("anonymous_id", "a1"),),
        (("user_id", "u1"), ("anonymous_id", "a1")),
        (("user_id", "u1"), ("email", "j@x.fr")),
        (("user_id", "u1"), ("anonymous_id", "a2"), ("order:shop", "1")),
    ]
)


@st.composite
def events(draw: st.DrawFn) -> Json:
    """Any canonical event; the message id is filled in by `histories`."""
    kind = draw(st.sampled_from(["track", "track", "track", "page", "screen", "identify", "group", "alias"]))
    name = None
    properties: Json = {}
    if kind == "track":
        name = draw(
            st.sampled_from(
                [
                    "Product Viewed",
                    "Product List Viewed",
                    "Product Added",
                    "Product Removed",
                    "Cart Viewed",
                    "Checkout Started",
                    "Order Completed",
                    "Live Chat Message Sent",
                ]
            )
        )
        properties = draw(_products) if draw(st.booleans()) else {"products": draw(st.lists(_products, max_size=3))}
    traits: Json = draw(_traits) if kind in ("identify", "group") else {}
    if kind == "identify" and draw(st.booleans()):
        traits = dict(traits) | {"consent": draw(_consent)}
    return event(
        name,
        draw(times),
        type=kind,
        channel=draw(st.sampled_from(["web", "order", "chat", "social"])),
        source=draw(st.sampled_from(["shop", "app"])),
        identifiers=draw(_identifiers),
        properties=properties,
        traits=traits,
        context=draw(_context),
    )


def named(made: list[Json], prefix: str = "m") -> list[Json]:
    """Return the events under distinct message ids."""
    for index, each in enumerate(made):
        each["message_id"] = f"{prefix}{index}"
        each["event_id"] = event_id_of(each["source"], each["message_id"])
    return made


def histories(max_size: int = 25) -> st.SearchStrategy[list[Json]]:
    """Lists of distinct messages."""
    return st.lists(events(), max_size=max_size).map(named)


def parse(text: str) -> datetime:
    """Return an instant of the public JSON."""
    return datetime.fromisoformat(text)
