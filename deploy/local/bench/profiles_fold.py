"""One event more for somebody with 10, 1,000 and 10,000 events before it: what it costs, and how large the profile is.

The events teach nothing new (pages and products seen before), so what grows here grows with events. Costs are CPU time
of everything a unit does for a batch of that one event: reading and writing its store, the fold, the profile, segments.
"""

import time
from collections.abc import Iterator
from random import Random
from statistics import median

from deploy.local.bench.cost import cycles_left_alone
from deploy.local.bench.filling import Filled, records
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.segments import SEGMENTS
from deploy.local.bench.shop import Sent, person
from deploy.local.bench.units import Units
from processors.partition.keys import home_key, view_key
from schemas.identifier import Identifier, seed_of

BEFORE = (10, 1_000, 10_000)
MORE = 300
BATCH = 500
PRODUCTS = 20
_MINUTE_MS = 60_000
# Fifteen events a visit, five minutes apart, a visit a day.
_VISIT = 15
_EVENT_MS = 5 * _MINUTE_MS
_DAY_MS = 24 * 60 * _MINUTE_MS


async def measure(bench: Bench) -> Result:
    """Return microseconds of one event for each history, the shortest one being the baseline; and sizes."""
    counts = tuple(dict.fromkeys(bench.size(count, 10) for count in BEFORE))
    more = bench.size(MORE, 20)
    opened = time.time_ns() // 1_000_000 - (max(counts) + more) // _VISIT * _DAY_MS - _DAY_MS
    histories = {count: list(records(_history(count, more), opened)) for count in counts}
    units = Units(bench.folder / "profiles", 1, SEGMENTS)
    result = Result(sizes={"events_before": list(counts), "events_measured": more, "batch": BATCH})
    try:
        for count, history in histories.items():
            bench.show(f"{count:,} events")
            before = units.counts.get("profiles_published", 0)
            units.put(history[:count])
            units.run(BATCH)
            published = units.counts["profiles_published"] - before
        bench.show(f"{more:,} events more for each")
        costs = _costs(units, {count: history[count:] for count, history in histories.items()})
        first = counts[0]
        for count in counts:
            result.add(f"profiles_fold_{count}", costs[count], "µs/event", costs[first])
            document, fragment = _sizes(units, count)
            result.add(f"profiles_document_{count}", document, "bytes")
            result.add(f"profiles_state_{count}", fragment, "bytes")
        # Of the longest history: a batch publishes the newest state once, however many events it has.
        result.add("profiles_published", published / counts[-1] * 1000, "records/1,000 events")
    finally:
        units.close()
    return result


def _costs(units: Units, left: dict[int, list[Filled]]) -> dict[int, float]:
    """Return the median cost of an event, in µs, by how many were before it; everybody's events in turns."""
    taken: dict[int, list[float]] = {count: [] for count in left}
    with cycles_left_alone():
        for turn in zip(*left.values(), strict=True):
            for count, filled in zip(left, turn, strict=True):
                before = sum(units.seconds.values())
                units.put([filled])
                units.run(1)
                taken[count].append((sum(units.seconds.values()) - before) * 1e6)
    return {count: median(values) for count, values in taken.items()}


def _sizes(units: Units, count: int) -> tuple[int, int]:
    """Return the bytes of the profile's document, and of the state that its events are folded into."""
    store = units.units["0"].store
    seed = seed_of(Identifier("user_id", f"user-{count}"))
    return len(store.get(view_key(seed)) or b""), len(store.get(home_key(seed)) or b"")


def _history(count: int, more: int) -> Iterator[Sent]:
    """Return the messages of one person: a login, then visits."""
    random = Random(count)
    who = {"userId": f"user-{count}", "anonymousId": f"anon-{count}", "context": {"locale": "fr-FR"}}
    for number in range(count + more):
        at = number // _VISIT * _DAY_MS + number % _VISIT * _EVENT_MS
        said = {"type": "identify", "traits": person(count)} if number == 0 else _seen(random)
        yield Sent(at, {**said, **who, "messageId": f"{count}-{number}"})


def _seen(random: Random) -> dict[str, object]:
    number = random.randrange(PRODUCTS)
    if random.random() < 0.4:
        return {"type": "page", "name": "Product", "properties": {"path": f"/p/{number}"}}
    product = {"product_id": f"sku-{number}", "name": f"Product {number}", "category": f"c{number % 4}", "price": 9.9}
    return {"type": "track", "event": "Product Viewed", "properties": product}
