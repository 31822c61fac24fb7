"""What a vendor's deliveries become: canonical events, and the orders and profiles that the folds make of them."""

from collections.abc import Iterable
from typing import Any

from ingest.canonical import Reception, Unfit, event_of, random_id
from ingest.vendors.delivery import Topic
from ingest.vendors.mapping import channel_of, messages_of
from processors.profile import consent, fragment, orders
from processors.profile.order_fold import OrderState, fold_order, order_of
from schemas.event import CanonicalEvent
from schemas.identifier import Identifier, seed_of
from schemas.source import Source
from schemas.times import to_millis

RECEIVED = to_millis("2026-03-01T12:00:00Z")
# name, content, delivery id: one delivery of a vendor.
Sent = tuple[str, dict[str, Any], str]


def source_of(kind: str, name: str = "shop-a", **settings: Any) -> Source:
    """A source of a kind, with a secret where it needs one."""
    if kind == "magento" or kind == "generic":
        settings.setdefault("url_secret", "s3cret")
    else:
        settings.setdefault("secrets", ["s3cret"])
    return Source(kind=kind, name=name, **settings)


def said(source: Source, topic: str, content: Any, delivery_id: str = "d1", received: int = RECEIVED) -> Any:
    """The canonical events of one delivery; an `Unfit` stands as it is."""
    reception = Reception(source, received, channel=channel_of(source))
    found: list[Any] = []
    for message in messages_of(source, Topic(topic, delivery_id), content):
        if isinstance(message, Unfit):
            found.append(message)
        else:
            event = event_of(message, reception, random_id)
            CanonicalEvent.model_validate(event)
            found.append(event)
    return found


def one(source: Source, topic: str, content: Any, delivery_id: str = "d1") -> dict[str, Any]:
    """The only event of a delivery."""
    (event,) = said(source, topic, content, delivery_id)
    assert isinstance(event, dict), event
    return event


def identifiers(event: dict[str, Any]) -> list[str]:
    return [f"{each['type']}:{each['value']}" for each in event["identifiers"]]


def decided(event: dict[str, Any]) -> dict[str, bool]:
    """What an event decides about consent, by purpose."""
    t = to_millis(event["occurred_at"])
    return {purpose: granted for purpose, granted, _ in consent.decisions_of(event, t)}


def final_orders(source: Source, deliveries: Iterable[Sent]) -> dict[str, dict[str, Any]]:
    """The newest state of each order, as the order's worker would publish it, after these deliveries in this order."""
    states: dict[str, OrderState] = {}
    counted: set[str] = set()
    for topic, content, delivery_id in deliveries:
        for event in said(source, topic, content, delivery_id):
            order = order_of(event)
            if order is None or event["event_id"] in counted:
                continue
            counted.add(event["event_id"])
            states[order.value] = fold_order(states.get(order.value), event, to_millis(event["occurred_at"]))
    return {
        order_id: orders.order_record(state, seed_of(Identifier(f"order:{state['store']}", order_id)))
        for order_id, state in states.items()
    }


def profile_of(source: Source, deliveries: Iterable[Sent]) -> dict[str, Any]:
    """The fragment of everything these deliveries say about one person."""
    result: dict[str, Any] = fragment.empty()
    counted: set[str] = set()
    for topic, content, delivery_id in deliveries:
        for event in said(source, topic, content, delivery_id):
            if event["event_id"] not in counted:
                counted.add(event["event_id"])
                fragment.fold(result, event, to_millis(event["occurred_at"]))
    return result
