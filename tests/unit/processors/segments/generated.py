"""Generated definitions, events and profiles: few names and coarse times, so that edges and ties are the rule."""

from typing import Any

from hypothesis import strategies as st

from processors.segments.clauses import Definition
from processors.segments.definition import parse
from processors.segments.operators import TRAIT_OPS
from schemas.times import to_iso

# The world is small: an hour of seconds from here.
START = 1_700_000_000_000
SECOND = 1_000
EVENTS = ("Product Viewed", "Product Added", "Order Completed", "Home")
DURATIONS = ("1s", "2s", "5s", "10s", "1m")

numbers = st.sampled_from(
    [0, 1, 2, 3, -1, 1.5, 0.1, 0.2, 10, "1", "1.0", "2.50", "-3", "0", "01", "1e3", 1e300, 1e30, 1e-22]
)
texts = st.sampled_from(["a", "ab", "b", "", "FR", "true", "007", "é", "a.b", "%", "_", "\\", "[a-z]*"])
scalars = st.one_of(numbers, texts, st.booleans())
times = st.integers(-5, 70).map(lambda second: START + second * SECOND)
instants = st.one_of(
    times.map(to_iso),
    st.sampled_from(
        ["2023-11-14", "2023-11-14T22:13", "2023-11-14T23:13:25+01:00", "2023-13-01", "yesterday", "1850-01-01"]
    ),
)
values = st.one_of(scalars, instants, st.none(), st.lists(scalars, max_size=3))
# What a definition may name: numbers that have digits to compare.
operands = scalars.filter(lambda value: value not in (1e300, 1e30, 1e-22))
ordered = st.sampled_from([0, 1, 2, 3, -1, 1.5, 0.3, "1.0", "2.50", 10])
moments = st.one_of(instants.filter(lambda text: "T" in text and "+" not in text), st.sampled_from(DURATIONS))
keys = st.sampled_from(["x", "y", "n.m", "when"])


@st.composite
def comparisons(draw: st.DrawFn, name: str, names: st.SearchStrategy[str]) -> dict[str, Any]:
    op = draw(st.sampled_from(TRAIT_OPS))
    found: dict[str, Any] = {name: draw(names), "op": op}
    if op in ("in", "not_in"):
        found["value"] = draw(st.lists(operands, min_size=1, max_size=3))
    elif op in ("gt", "gte", "lt", "lte"):
        found["value"] = draw(ordered)
    elif op == "contains":
        found["value"] = draw(operands.filter(lambda value: value != ""))
    elif op == "starts_with":
        found["value"] = draw(texts.filter(bool))
    elif op in ("before", "after"):
        found["value"] = draw(moments)
    elif op == "within":
        found["value"] = draw(st.sampled_from(DURATIONS))
    elif op not in ("exists", "missing"):
        found["value"] = draw(operands)
    return found


order_ops = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"])


@st.composite
def selectors(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"event": draw(st.sampled_from(EVENTS))}
    if draw(st.integers(0, 4)) == 0:
        found["channel"] = draw(st.sampled_from(["web", "order"]))
    if draw(st.integers(0, 3)) == 0:
        found["where"] = draw(st.lists(comparisons("property", keys), max_size=2))
    return found


@st.composite
def event_leaves(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(selectors())
    if draw(st.integers(0, 3)) == 0:
        found["not_followed_by"] = draw(selectors())
        found["for"] = draw(st.sampled_from(DURATIONS[:4]))
        if draw(st.booleans()):
            found["within"] = "1m"
        return found
    if draw(st.booleans()):
        op, value = draw(order_ops), draw(st.integers(0, 4))
        found["count"] = {"op": op, "value": value + 1 if op == "lt" else value}
    if draw(st.integers(0, 2)) == 0:
        found["sum"] = {"property": draw(keys), "op": draw(order_ops), "value": draw(ordered)}
    if draw(st.integers(0, 3)):
        found["within"] = draw(st.sampled_from(DURATIONS))
    return found


def metrics() -> st.SearchStrategy[dict[str, Any]]:
    numeric = st.fixed_dictionaries(
        {
            "metric": st.sampled_from(["orders.revenue.EUR", "activity.events", "interests.brands.a.b"]),
            "op": order_ops,
            "value": ordered,
        }
    )
    timed = st.fixed_dictionaries(
        {"metric": st.just("activity.last_seen"), "op": st.sampled_from(["before", "after"]), "value": moments}
    )
    within = st.fixed_dictionaries(
        {"metric": st.just("orders.last_at"), "op": st.just("within"), "value": st.sampled_from(DURATIONS)}
    )
    missing = st.just({"metric": "orders.count", "op": "missing"})
    return st.one_of(numeric, timed, within, missing)


consents = st.one_of(
    st.fixed_dictionaries(
        {"consent": st.just("email"), "op": st.sampled_from(["granted", "denied", "exists", "missing"])}
    ),
    st.fixed_dictionaries({"consent": st.just("email"), "op": st.just("within"), "value": st.sampled_from(DURATIONS)}),
)


def clauses(references: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Clauses that may refer to the segments `references`."""
    leaves = [event_leaves(), event_leaves(), comparisons("trait", keys), metrics(), consents]
    if references:
        leaves.append(st.fixed_dictionaries({"segment": st.sampled_from(references)}))
    return st.recursive(
        st.one_of(leaves),
        lambda children: st.one_of(
            st.fixed_dictionaries({"all": st.lists(children, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(children, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"not": children}),
        ),
        max_leaves=5,
    )


@st.composite
def definition_sets(draw: st.DrawFn, most: int = 4) -> dict[str, Definition]:
    """Definitions that refer to earlier ones, by id."""
    found: dict[str, Definition] = {}
    for index in range(draw(st.integers(1, most))):
        where = draw(clauses(list(found)))
        found[f"s{index}"] = parse({"id": f"s{index}", "where": where}, found)
    return found


@st.composite
def timed_events(draw: st.DrawFn, most: int = 12) -> list[tuple[int, dict[str, Any]]]:
    """Distinct messages with their times, in an order of arrival that has nothing to do with the times."""
    found = []
    for index in range(draw(st.integers(0, most))):
        properties = draw(st.dictionaries(keys, values, max_size=3))
        if draw(st.booleans()):
            properties["order_id"] = draw(st.sampled_from(["1", 1, 1.0, "2", "", None]))
        if draw(st.integers(0, 3)) == 0:
            properties["store"] = draw(st.sampled_from(["s", ""]))
        event = {
            "event": draw(st.sampled_from(EVENTS)),
            "event_id": f"e{draw(st.integers(0, 9))}-{index}",
            "message_id": f"m{draw(st.integers(0, 9))}-{index}",
            "channel": draw(st.sampled_from(["web", "order"])),
            "source": draw(st.sampled_from(["s", "t"])),
            "type": "track",
            "properties": properties,
        }
        found.append((draw(times), event))
    return found


decisions = st.fixed_dictionaries({"granted": st.booleans(), "at": times.map(to_iso)})
profiles = st.fixed_dictionaries(
    {},
    optional={
        "traits": st.dictionaries(keys, st.one_of(values, st.just({"m": 1})), max_size=3),
        "consent": st.dictionaries(st.just("email"), decisions, max_size=1),
        "orders": st.fixed_dictionaries(
            {"count": st.integers(0, 3), "revenue": st.dictionaries(st.just("EUR"), st.sampled_from(["1.00", "2.5"]))},
            optional={"last_at": times.map(to_iso)},
        ),
        "activity": st.fixed_dictionaries({"events": st.integers(0, 3), "last_seen": times.map(to_iso)}),
    },
)


def edges(events: list[tuple[int, Any]]) -> list[int]:
    """Every instant at which something can change, the one before and the one after, within the small world."""
    base = {START + second * SECOND for second in range(-5, 75)} | {t for t, _ in events}
    for t, _ in events:
        base |= {t + seconds * SECOND for seconds in (1, 2, 5, 10, 60)}
    base |= {START + second * SECOND + 60 * SECOND for second in range(-5, 75, 5)}
    return sorted({instant + delta for instant in base for delta in (-1, 0, 1)})


def ends(events: list[tuple[int, Any]]) -> list[int]:
    """Instants at which windows begin to hold an event or cease to, and those just before."""
    found = {t + seconds * SECOND - before for t, _ in events for seconds in (0, 1, 2, 5, 10, 60) for before in (0, 1)}
    return sorted(found | {START})
