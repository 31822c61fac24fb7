"""A profile as of a moment after everything is the profile as published; before it, the fold of what had happened."""

import random
from collections import defaultdict
from typing import Any

import pytest

from processors.profile import orders
from processors.profile.merge import merge
from processors.profile.view import profile_view
from schemas.codec import dumps, loads
from schemas.identifier import seed_of
from schemas.times import to_iso, to_millis
from tests.parts.api import Api
from tests.parts.people import TOPICS, Writer
from tests.unit.processors.identity.shop import Event, at
from tests.unit.processors.partition import simulation
from tests.unit.processors.partition.simulation import Simulation, run

LATER = "2200-01-01T00:00:00Z"
ORDER_NAMES = ("Order Completed", "Order Updated", "Order Refunded", "Order Cancelled")


def events(chance: random.Random) -> list[Event]:
    """Visits and orders of few people; an order is told of by one, by several, or by its number alone."""
    made = []
    for n in range(chance.randrange(10, 60)):
        who = {letter: f"{letter}{chance.randrange(3)}" for letter in "uaed" if chance.random() < 0.4}
        t, message = chance.randrange(1, 60) * 1000, f"m{n}"
        if chance.random() < 0.5:
            made.append(order_event(chance, at(t, message=message, o=str(chance.randrange(4)), **who)))
        elif who:
            event = at(t, message=message, **who)
            event.update(
                chance.choice(
                    (
                        {"type": "page", "event": "Home"},
                        {"type": "identify", "event": None, "traits": {"country": chance.choice(("FR", "BE"))}},
                        {"event": "Product Viewed", "properties": {"product_id": "p1", "category": "shoes"}},
                        {"event": "Product Added", "properties": {"product_id": "p1", "quantity": 1, "price": "5"}},
                        {"channel": "chat", "event": "Live Chat Message Sent"},
                    )
                )
            )
            made.append(event)
    for event in made:
        event.update({"sent_at": None, "original_timestamp": event["occurred_at"]})
    return made


def order_event(chance: random.Random, event: Event) -> Event:
    name = chance.choice(ORDER_NAMES)
    properties: dict[str, Any] = {"order_id": event["identifiers"][-1]["value"], "store": "shop-a", "currency": "EUR"}
    if chance.random() < 0.7:
        properties["total"] = f"{chance.randrange(1, 100)}.00"
    if name == "Order Refunded":
        properties["refund_id"] = str(chance.randrange(3))
    if name == "Order Updated":
        properties["status"] = chance.choice(("paid", "fulfilled", "cancelled", "open"))
    event.update({"channel": "order", "event": name, "properties": properties})
    return event


def write(writer: Writer, ran: Simulation) -> None:
    """Put what the simulation published into the tables, as the projector would."""
    pairs = [
        (getattr(simulation.TOPICS, name), getattr(TOPICS, name)) for name in ("assignments", "profiles", "orders")
    ]
    pairs += [(simulation.TOPICS.events[channel], TOPICS.events[channel]) for channel in TOPICS.events]
    for topic, target in pairs:
        for partition in range(ran.partitions):
            log = ran.logs[topic, partition]
            documents = [None if value is None else loads(value) for _, value in log]
            writer.put(target, documents, [key for key, _ in log])


def orders_then(made: list[Event], ran: Simulation, until: int) -> dict[str, Any]:
    """Return the orders of each profile as of an instant: folded from all events by then, whose they are today."""
    states: dict[str, Any] = {}
    for event in sorted({each["event_id"]: each for each in made}.values(), key=lambda each: str(each["occurred_at"])):
        identifier = orders.order_of(event)
        if identifier is not None and to_millis(event["occurred_at"]) <= until:
            seed = seed_of(identifier)
            states[seed] = orders.fold_order(states.get(seed), event, to_millis(event["occurred_at"]))
    assigned = ran.newest(simulation.TOPICS.assignments)
    parts: dict[str, list[Any]] = defaultdict(list)
    for seed, state in states.items():
        parts[assigned[seed]["profile_id"] if seed in assigned else seed].append(orders.fragment_of_order(state))
    empty: dict[str, Any] = {"profile_id": "", "roster": [], "aliases": [], "segments": [], "version": 0}
    return {who: profile_view(merge(fragments), **empty)["orders"] for who, fragments in parts.items()}


@pytest.mark.parametrize("number", range(8))
def test_a_profile_as_of_now_is_the_profile(api: Api, writer: Writer, number: int) -> None:
    chance = random.Random(number)
    made = events(chance)
    chance.shuffle(made)
    ran = run(made, batch=chance.choice((1, 7, 1000)))
    write(writer, ran)
    for profile_id, published in ran.profiles().items():
        answer = api.get(f"/v1/profiles/profile_id:{profile_id}?as_of={LATER}")
        assert answer.status == 200, (answer.body, dumps(published))
        assert {**answer.json, "version": 0} == {**published, "version": 0}
    until = chance.randrange(10, 50) * 1_000_000
    wanted = orders_then(made, ran, until)
    for profile_id in ran.profiles():
        answer = api.get(f"/v1/profiles/profile_id:{profile_id}?as_of={to_iso(until)}")
        found = answer.json["orders"] if answer.status == 200 else None
        if profile_id in wanted:
            assert found == wanted[profile_id]
        else:
            assert found is None or found["count"] == 0
