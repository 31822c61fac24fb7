"""What segments cost per event, with 20 and with 200 of them: CPU time of one thread.

Each event is observed and what it touched is evaluated, as the worker does it; the profile's own fold is left out. An
event touches few segments, whatever their number.
"""

from time import thread_time
from typing import Any

from deploy.local.bench.cost import cycles_left_alone
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from processors.segments.compile import Compiled, compile_set
from processors.segments.definition import parse
from processors.segments.evaluate import affected, changed_fields, evaluate, observe

PEOPLE = 500
EVENTS = 20_000
ROUNDS = 5
NAMES = [*["Product Viewed"] * 6, "Product Added", "Order Completed", "Home", "Event 3"]

COMMON: list[dict[str, Any]] = [
    {"id": "newsletter", "where": {"trait": "newsletter", "op": "eq", "value": True}},
    {
        "id": "lapsing_vip",
        "where": {
            "all": [
                {"metric": "orders.revenue.EUR", "op": "gte", "value": 500},
                {"trait": "country", "op": "in", "value": ["FR", "BE"]},
                {
                    "event": "Order Completed",
                    "count": {"op": "gte", "value": 2},
                    "within": "90d",
                    "where": [{"property": "currency", "op": "eq", "value": "EUR"}],
                },
                {"not": {"event": "Product Viewed", "within": "7d"}},
                {"any": [{"segment": "newsletter"}, {"consent": "email_marketing", "op": "granted"}]},
            ]
        },
    },
    {"id": "looking", "where": {"event": "Product Viewed", "within": "1h"}},
    {
        "id": "cart",
        "where": {"event": "Product Added", "not_followed_by": {"event": "Order Completed"}, "for": "1h"},
    },
    {"id": "engaged", "where": {"metric": "activity.events", "op": "gte", "value": 5}},
]


def compiled_of(count: int) -> Compiled:
    """Return `count` compiled segments, of which an event touches the same few."""
    documents = list(COMMON)
    for number in range(count - len(COMMON)):
        trait = {"trait": "country", "op": "eq", "value": f"C{number}"}
        event = {"event": f"Event {number}", "count": {"op": "gte", "value": 3}, "within": "7d"}
        documents.append({"id": f"s{number}", "where": {"all": [trait, event]}})
    return compile_set({document["id"]: (1, parse(document)) for document in documents})


def microseconds(compiled: Compiled, events: int) -> float:
    """Return what an event costs on average."""
    histories: list[dict[str, Any]] = [{} for _ in range(PEOPLE)]
    profiles: list[dict[str, Any]] = [{} for _ in range(PEOPLE)]
    members: list[dict[str, bool]] = [{} for _ in range(PEOPLE)]
    spent = 0.0
    for number in range(events):
        person, t = number // 10 % PEOPLE, 1_700_000_000_000 + number * 1_000
        event: dict[str, Any] = {
            "event": NAMES[number % 10],
            "event_id": f"00000000-0000-0000-0000-{number:012}",
            "message_id": f"message-{number}",
            "channel": "web",
            "source": "shop",
            "properties": {"currency": "EUR", "order_id": str(number % 50), "store": "shop"},
        }
        before = profiles[person]
        seen = before["activity"]["events"] if before else 0
        after = {
            "traits": {"country": "FR", "newsletter": True, "first_name": "Jane"},
            "consent": {"email_marketing": {"granted": True, "at": "2026-01-01T00:00:00.000Z"}},
            "orders": {"count": 2, "revenue": {"EUR": "620.50"}},
            "activity": {"events": seen + 1},
        }
        started = thread_time()
        tokens = observe(compiled, histories[person], event, t, t)
        tokens += changed_fields(compiled, before, after)
        truths = evaluate(
            compiled,
            affected(compiled, tokens),
            after,
            histories[person],
            t,
            members[person],
            before=before,
            at=t,
            event_id=event["event_id"],
        )
        for id_, (member, *_) in truths.items():
            members[person][id_] = member
        spent += thread_time() - started
        profiles[person] = after
    return spent / events * 1e6


async def measure(bench: Bench) -> Result:
    """Return what an event costs with 200 segments, beside what it costs with 20: the best of five rounds each."""
    events = bench.size(EVENTS, 500)
    bench.show(f"{events:,} events")
    with cycles_left_alone():
        few, many = (min(microseconds(compiled_of(count), events) for _ in range(ROUNDS)) for count in (20, 200))
    result = Result(sizes={"events": events, "people": PEOPLE})
    result.add("segments_200", many, "µs/event", few)
    return result
