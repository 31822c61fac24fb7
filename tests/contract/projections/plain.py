"""What analytics should say of a shop, computed in plain Python from its records: an independent program, without SQL.

Every answer keeps to `Narrowed`: a time, a channel, a segment's members.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from schemas.times import EARLIEST, LATEST, to_millis
from tests.contract.projections.shop import Shop

Timelines = dict[str, list[tuple[int, dict[str, Any]]]]
ACTIVITY = ("track", "page", "screen")
# Whose days are neither UTC's nor begin at a whole hour.
ZONE = "America/St_Johns"
VIEWED, ADDED = "Product Viewed", "Product Added"


@dataclass(frozen=True)
class Narrowed:
    """What is asked for: [start, end) in ms, a channel and a segment, empty for all."""

    start: int = EARLIEST
    end: int = LATEST
    channel: str = ""
    segment: str = ""

    def holds(self, t: int) -> bool:
        """Tell whether an instant is within the time."""
        return self.start <= t < self.end


def members(made: Shop, segment: str) -> set[str]:
    """Return who is in a segment: whose newest change is an entry."""
    newest = {each["profile_id"]: each["change"] for each in made.changes if each["segment_id"] == segment}
    return {who for who, what in newest.items() if what == "entered"}


def timelines(made: Shop, narrowed: Narrowed) -> Timelines:
    """Return the events of each person that are asked for, by time."""
    wanted = members(made, narrowed.segment)
    found = {
        who: [(t, each) for t, each in timeline if narrowed.holds(t) and narrowed.channel in ("", each["channel"])]
        for who, timeline in made.timelines().items()
        if not narrowed.segment or who in wanted
    }
    return {who: timeline for who, timeline in found.items() if timeline}


def origin(made: Shop, order: dict[str, Any]) -> str | None:
    """Return where an order came from: the channel of its person's last activity, by then, that was no order's."""
    timeline = made.timelines().get(made.owner(order["seed"], 0), [])
    before = [
        (t, each["channel"])
        for t, each in timeline
        if t <= to_millis(order["placed_at"]) and each["channel"] != "order" and each["type"] in ACTIVITY
    ]
    return max(before)[1] if before else None


def orders(made: Shop, narrowed: Narrowed) -> list[dict[str, Any]]:
    """Return the orders that count and are asked for."""
    wanted = members(made, narrowed.segment)
    return [
        each
        for each in made.orders
        if each["status"] != "cancelled"
        and narrowed.holds(to_millis(each["placed_at"]))
        and (not narrowed.segment or made.owner(each["seed"], 0) in wanted)
        and (narrowed.channel in ("", "order") or origin(made, each) == narrowed.channel)
    ]


def bucket(t: int, period: str) -> str:
    """Return the day, the Monday or the first of the month (in `ZONE`) of an instant."""
    day = datetime.fromtimestamp(t / 1000, ZoneInfo(ZONE)).date()
    if period == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if period == "month" else day).isoformat()


def periods_between(first: str, last: str, period: str) -> int:
    """Return how many periods after the one that begins at `first` the one at `last` begins."""
    a, b = datetime.fromisoformat(first), datetime.fromisoformat(last)
    if period == "month":
        return 12 * (b.year - a.year) + b.month - a.month
    return (b - a).days // (7 if period == "week" else 1)


def chains(people: Timelines, steps: tuple[str, ...], within: int) -> list[list[float]]:
    """Return for each step the seconds from the first one, of each person who got there."""
    reached: list[list[float]] = [[] for _ in steps]
    for timeline in people.values():
        marks = sorted((t, n) for t, each in timeline for n, name in enumerate(steps) if each["event"] == name)
        began: list[int | None] = [None] * len(steps)
        took: list[float | None] = [None] * len(steps)
        for t, n in marks:
            start = t if n == 0 else began[n - 1]
            if start is not None and t - start <= within:
                began[n] = start
                took[n] = (t - start) / 1000 if took[n] is None else took[n]
        for n, seconds in enumerate(took):
            if seconds is not None:
                reached[n].append(seconds)
    return reached


def median(values: list[float]) -> float:
    """Return the middle value, or the mean of the two in the middle."""
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def funnel(made: Shop, narrowed: Narrowed, steps: tuple[str, ...], within: int) -> list[tuple[Any, ...]]:
    """Return (event, people, median seconds) of each step."""
    reached = chains(timelines(made, narrowed), steps, within)
    return [
        (name, len(seconds), median(seconds) if seconds else None) for name, seconds in zip(steps, reached, strict=True)
    ]


def retention(made: Shop, narrowed: Narrowed, first: str, back: str, period: str) -> list[dict[str, Any]]:
    """Return the cohorts."""
    size: dict[str, int] = defaultdict(int)
    later: dict[tuple[str, int], int] = defaultdict(int)
    for timeline in timelines(made, narrowed).values():
        starts = [bucket(t, period) for t, each in timeline if each["event"] == first]
        if starts:
            cohort = min(starts)
            size[cohort] += 1
            for returned in {bucket(t, period) for t, each in timeline if each["event"] == back}:
                if returned > cohort:
                    later[cohort, periods_between(cohort, returned, period)] += 1
    ends = [(periods_between("1970-01-01", cohort, period), number) for cohort, number in later]
    starts_at = [periods_between("1970-01-01", cohort, period) for cohort in size]
    last = max([at + number for at, number in ends] + starts_at, default=0)
    return [
        {
            "start": cohort,
            "size": size[cohort],
            "returned": [later[cohort, n + 1] for n in range(last - periods_between("1970-01-01", cohort, period))],
        }
        for cohort in sorted(size)
    ]


def revenue(made: Shop, narrowed: Narrowed, period: str) -> dict[tuple[str, str], tuple[int, Decimal, Decimal]]:
    """Return orders, gross and refunded by period and currency."""
    found: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
    for each in orders(made, narrowed):
        key = bucket(to_millis(each["placed_at"]), period), each["currency"]
        count, gross, refunded = found.get(key, (0, Decimal(0), Decimal(0)))
        found[key] = count + 1, gross + Decimal(each["total"]), refunded + Decimal(each["refunded"])
    return found


def rfm(made: Shop, narrowed: Narrowed) -> dict[str, tuple[int, Decimal]]:
    """Return people and revenue by the name of their group."""
    people: dict[str, list[Any]] = defaultdict(lambda: [0, 0, Decimal(0)])
    for each in orders(made, narrowed):
        who = people[made.owner(each["seed"], 0)]
        who[0] = max(who[0], to_millis(each["placed_at"]))
        who[1] += 1
        who[2] += Decimal(each["total"]) - Decimal(each["refunded"])
    found: dict[str, tuple[int, Decimal]] = {}
    for known in people.values():
        recency, frequency, monetary = (
            1 + 5 * sum(other[n] < known[n] for other in people.values()) // len(people) for n in range(3)
        )
        name = rfm_name(recency, frequency + monetary)
        count, money = found.get(name, (0, Decimal(0)))
        found[name] = count + 1, money + known[2]
    return found


def rfm_name(recency: int, both: int) -> str:
    """Return the group of a recency and of frequency and money together."""
    if recency >= 4:
        return "champions" if both >= 8 else "new" if both < 6 else "loyal"
    if recency == 3:
        return "loyal"
    return "at_risk" if both >= 6 else "lost"


def products(made: Shop, narrowed: Narrowed) -> dict[str, tuple[int, int, int, Decimal, Decimal]]:
    """Return views, adds, orders, quantity and revenue by product."""
    looked: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for timeline in timelines(made, narrowed).values():
        for _, each in timeline:
            about = each["properties"]
            product = about.get("product_id") or about.get("sku") or about.get("name")
            if product and each["event"] in (VIEWED, ADDED):
                looked[str(product)][each["event"] == ADDED] += 1
    bought: dict[str, list[tuple[str, Decimal, Decimal]]] = defaultdict(list)
    for each in orders(made, narrowed):
        for item in each["items"]:
            quantity = Decimal(str(item["quantity"]))
            bought[item["product_id"]].append((each["seed"], quantity, quantity * Decimal(item["price"] or 0)))
    return {
        product: (
            looked[product][0],
            looked[product][1],
            len({seed for seed, _, _ in bought[product]}),
            sum((quantity for _, quantity, _ in bought[product]), Decimal(0)),
            sum((amount for _, _, amount in bought[product]), Decimal(0)),
        )
        for product in {*looked, *bought}
    }


def segments(made: Shop, narrowed: Narrowed, period: str) -> list[tuple[str, str, int, int, int]]:
    """Return (period, segment, entered, exited, members at its end) of periods with a change that is asked for."""
    channel_of = {each["event_id"]: each["channel"] for each in made.events}
    changes = [
        (to_millis(each["at"]), each)
        for each in made.changes
        if to_millis(each["at"]) < narrowed.end and narrowed.segment in ("", each["segment_id"])
    ]

    def asked(t: int, each: dict[str, Any]) -> bool:
        channel = channel_of.get(each["because"].get("event_id"))
        return narrowed.holds(t) and narrowed.channel in ("", channel)

    found = []
    for at, segment in sorted({(bucket(t, period), each["segment_id"]) for t, each in changes}):
        mine = [(t, each) for t, each in changes if each["segment_id"] == segment]
        here = Counter(each["change"] for t, each in mine if bucket(t, period) == at and asked(t, each))
        so_far = Counter(each["change"] for t, each in mine if bucket(t, period) <= at)
        if here:
            now = so_far["entered"] - so_far["exited"]
            found.append((at, segment, here["entered"], here["exited"], now))
    return found
