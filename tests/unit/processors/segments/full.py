"""The oracle: evaluates a definition straight from a list of all events at any instant, with no memory at all.

Everything is written the slow way, from the words of the design, and shares only the definition's classes with the
code.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from decimal import Decimal, localcontext
from typing import Any

from processors.segments.clauses import (
    All,
    AnyOf,
    Clause,
    Consent,
    Definition,
    Happened,
    Instant,
    Metric,
    Not,
    NotFollowed,
    Reference,
    Selector,
    Span,
    Trait,
)

# (time in ms, event)
Timed = tuple[int, Any]
ORDER = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def decimal_of(value: Any) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", value):
        return None
    if not isinstance(value, int | float | str):
        return None
    exact = Decimal(str(value))
    if not exact.is_finite():
        return None
    whole, _, fraction = format(exact, "f").lstrip("-").partition(".")
    if isinstance(value, float) and value != 0 and abs(value) < 1e-21:
        return None
    return exact if len(whole) <= 30 and len(fraction) <= 38 else None


def millis_of(value: Any) -> int | None:
    if not isinstance(value, str) or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}($|[T ][0-9]{2}:[0-9]{2})", value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    if not 1900 <= moment.astimezone(timezone.utc).year < 2300:
        return None
    delta = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86_400_000_000 + delta.seconds * 1_000_000 + delta.microseconds) // 1000


def equal(a: Any, b: Any) -> bool:
    if decimal_of(a) is not None and decimal_of(b) is not None:
        return decimal_of(a) == decimal_of(b)
    return type(a) is type(b) and a == b


def compare(op: str, value: Any, operand: Any, now: int) -> bool:
    if op == "missing":
        return value is None
    if value is None:
        return False
    if op == "exists":
        return True
    if op == "eq":
        return equal(value, operand)
    if op == "ne":
        return not equal(value, operand)
    if op == "in":
        return any(equal(value, item) for item in operand)
    if op == "not_in":
        return not any(equal(value, item) for item in operand)
    if op == "contains":
        if isinstance(value, list):
            return any(equal(element, operand) for element in value)
        return isinstance(value, str) and isinstance(operand, str) and operand in value
    if op == "starts_with":
        return isinstance(value, str) and value[: len(operand)] == operand
    if op in ORDER:
        return decimal_of(value) is not None and ORDER[op](decimal_of(value), decimal_of(operand))
    moment = millis_of(value)
    if moment is None:
        return False
    if isinstance(operand, Instant):
        return moment < operand.millis if op == "before" else moment > operand.millis
    assert isinstance(operand, Span)
    if op == "within":
        return moment <= now < moment + operand.millis
    return now >= moment + operand.millis if op == "before" else now < moment + operand.millis


def look_up(mapping: Any, name: str) -> Any:
    if mapping.get(name) is not None:
        return mapping[name]
    for key in name.split("."):
        mapping = mapping.get(key) if isinstance(mapping, dict) else None
    return mapping


def by_event_id(timed: Timed) -> tuple[int, str, str]:
    return timed[0], "", timed[1]["event_id"]


def by_message_id(timed: Timed) -> tuple[int, str, str]:
    return timed[0], timed[1]["message_id"], timed[1]["event_id"]


def selected(
    selector: Selector,
    events: Iterable[Timed],
    with_number: str | None = None,
    key: Callable[[Timed], tuple[int, str, str]] = by_event_id,
) -> list[Timed]:
    """The matching events in the order of `key`, of one order only the earliest."""
    found = []
    for t, event in events:
        if event["event"] != selector.event:
            continue
        if selector.channel is not None and event["channel"] != selector.channel:
            continue
        if not all(compare(w.op, look_up(event["properties"], w.property), w.value, t) for w in selector.where):
            continue
        if with_number is not None and decimal_of(look_up(event["properties"], with_number)) is None:
            continue
        found.append((t, event))
    found.sort(key=key)
    if selector.event != "Order Completed":
        return found
    seen, once = set(), []
    for t, event in found:
        order = (event["properties"].get("store") or event["source"], event["properties"].get("order_id"))
        if order[1] not in (None, "") and not isinstance(order[1], bool):
            order = (order[0], str(int(order[1]) if isinstance(order[1], float) else order[1]))
            if order in seen:
                continue
            seen.add(order)
        once.append((t, event))
    return once


def in_window(events: list[Timed], window: int | None, now: int) -> list[Timed]:
    return [(t, event) for t, event in events if t <= now and (window is None or now < t + window)]


def holds(
    clause: Clause,
    events: list[Timed],
    profile: Mapping[str, Any],
    now: int,
    definitions: Mapping[str, Definition],
) -> bool:
    """Whether a clause is true of a person with these events and this profile at `now`."""
    if isinstance(clause, All):
        return all(holds(part, events, profile, now, definitions) for part in clause.clauses)
    if isinstance(clause, AnyOf):
        return any(holds(part, events, profile, now, definitions) for part in clause.clauses)
    if isinstance(clause, Not):
        return not holds(clause.clause, events, profile, now, definitions)
    if isinstance(clause, Trait):
        return compare(clause.op, look_up(profile.get("traits", {}), clause.name), clause.value, now)
    if isinstance(clause, Metric):
        return compare(clause.op, look_up(profile, clause.path), clause.value, now)
    if isinstance(clause, Consent):
        decision = profile.get("consent", {}).get(clause.purpose)
        if clause.op in ("granted", "denied"):
            return decision is not None and decision["granted"] is (clause.op == "granted")
        if clause.op in ("exists", "missing"):
            return (decision is not None) is (clause.op == "exists")
        return decision is not None and compare(clause.op, decision["at"], clause.value, now)
    if isinstance(clause, Reference):
        other = definitions.get(clause.segment_id)
        return other is not None and holds(other.where, events, profile, now, definitions)
    if isinstance(clause, NotFollowed):
        return nothing_followed(clause, events, now)
    assert isinstance(clause, Happened)
    truth = True
    if clause.count is not None:
        number = len(in_window(selected(clause.selector, events), clause.within, now))
        truth = ORDER[clause.count.op](number, clause.count.value)
    if clause.sum is not None:
        name = clause.sum.property
        held = in_window(selected(clause.selector, events, name), clause.within, now)
        with localcontext() as context:
            context.prec = 500
            total = sum((decimal_of(look_up(event["properties"], name)) or 0 for _, event in held), Decimal(0))
            truth = truth and ORDER[clause.sum.op](total, decimal_of(clause.sum.value))
    return truth


def nothing_followed(clause: NotFollowed, events: list[Timed], now: int) -> bool:
    first = [timed for timed in selected(clause.selector, events, key=by_message_id) if timed[0] <= now]
    then = [timed for timed in selected(clause.by, events, key=by_message_id) if timed[0] <= now]
    if not first:
        return False
    latest = max(first, key=by_message_id)
    if any(by_message_id(timed) > by_message_id(latest) for timed in then):
        return False
    if now < latest[0] + clause.delay:
        return False
    return clause.within is None or now < latest[0] + clause.within
