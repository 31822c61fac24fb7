"""A small random shop in memory, and what the views should say of it: an independent program, without SQL."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from schemas.times import to_iso
from tests.parts.people import TOPICS, Writer, seed
from tests.unit.projections.records import assignment, change, event, order

NAMES = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")
START = 1767225600000  # 2026-01-01T00:00:00Z, a Thursday
DAY = 86_400_000
SEGMENTS = ("vip", "new")


@dataclass
class Shop:
    """Cookies with slices, events, orders; a person is whoever holds the seed at the event's time."""

    events: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    assignments: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    slices: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def owner(self, of: str, at: int) -> str:
        """Return the profile that holds a seed at an instant."""
        owner = of
        for start, profile_id in self.slices.get(of, ()):
            if at >= start:
                owner = profile_id
        return owner

    def timelines(self) -> dict[str, list[tuple[int, dict[str, Any]]]]:
        """Return each person's events, by time."""
        found: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        for each in self.events:
            found[self.owner(each["seed"], each["t"])].append((each["t"], each))
        return {who: sorted(many, key=lambda pair: pair[0]) for who, many in found.items()}

    def write(self, writer: Writer) -> None:
        writer.put(TOPICS.events["web"], [{k: v for k, v in each.items() if k != "t"} for each in self.events])
        writer.put(TOPICS.assignments, self.assignments)
        writer.put(TOPICS.orders, self.orders)
        writer.put(TOPICS.changes, self.changes)


def shop(number: int, people: int = 12, events: int = 150, orders: int = 25) -> Shop:
    """Return a shop that follows from `number` alone."""
    chance = random.Random(number)
    found = Shop()
    users = [seed("user_id", f"u{n}") for n in range(people)]
    cookies = [seed("anonymous_id", f"a{n}") for n in range(people)]
    for cookie in cookies:
        cuts = sorted(chance.sample(range(START, START + 20 * DAY, 1000), chance.randrange(4)))
        if not cuts:
            continue  # never logged in: its own person
        owners = [chance.choice(users) for _ in range(len(cuts))]
        bounds: list[int | None] = [None, *cuts[1:], None]
        found.slices[cookie] = [(-(10**14) if bounds[n] is None else cuts[n], owner) for n, owner in enumerate(owners)]
        found.assignments += [
            assignment(
                **{"from": bounds[n], "to": bounds[n + 1]},
                seed=cookie,
                type="anonymous_id",
                value=cookie,
                profile_id=who,
            )
            for n, who in enumerate(owners)
        ]
    for n in range(events):
        # Instants are few, so that ties and short gaps are common.
        t = START + chance.randrange(20 * 24 * 6) * 600_000
        name = chance.choice((*NAMES, "", "Home"))
        kind = "page" if name == "Home" else "identify" if not name else "track"
        found.events.append(
            event(
                f"m{n}",
                chance.choice(users + cookies),
                type=kind,
                event=name or None,
                occurred_at=to_iso(t),
                channel=chance.choice(("web", "chat", "social", "order")),
                properties=chance.choice(({"product_id": "p1", "name": "One"}, {"sku": "p2"}, {"product_id": 3}, {})),
                t=t,
            )
        )
    for n in range(orders):
        who = chance.choice(users)
        order_seed = seed("order:shop", str(n))
        placed = START + chance.randrange(40 * 24) * 3_600_000
        total = Decimal(chance.randrange(1, 10000)) / 100
        found.orders.append(
            order(
                seed=order_seed,
                order_id=str(n),
                status=chance.choice(("paid", "cancelled", "refunded", "placed")),
                total=str(total),
                refunded=str(total / 2) if chance.random() < 0.3 else "0.00",
                currency=chance.choice(("EUR", "USD")),
                placed_at=to_iso(placed),
                updated_at=to_iso(placed),
                items=[
                    {
                        "product_id": f"p{chance.randrange(1, 4)}",
                        "name": None,
                        "category": None,
                        "quantity": chance.choice((1, 2, 0.5)),
                        "price": chance.choice(("19.90", "5.00", None)),
                    }
                    for _ in range(chance.randrange(3))
                ],
            )
        )
        found.assignments.append(assignment(seed=order_seed, type="order:shop", value=str(n), profile_id=who))
        found.slices[order_seed] = [(-(10**14), who)]
    for who in users + cookies:
        for segment in SEGMENTS:
            found.changes += _changes(chance, found.events, who, segment)
    return found


def _changes(chance: random.Random, events: list[dict[str, Any]], who: str, segment: str) -> list[dict[str, Any]]:
    """Return how a person came and went, by events, by time and by decisions."""
    times = sorted(START + chance.randrange(20 * 24) * 3_600_000 for _ in range(chance.randrange(4)))
    return [
        change(
            sequence,
            change_id=f"{segment}-{who}-{sequence}",
            segment_id=segment,
            profile_id=who,
            at=to_iso(at),
            because=chance.choice(
                (
                    {"kind": "event", "event_id": chance.choice(events)["event_id"]},
                    {"kind": "time"},
                    {"kind": "identity", "decision_id": "d"},
                )
            ),
        )
        for sequence, at in enumerate(times, start=1)
    ]
