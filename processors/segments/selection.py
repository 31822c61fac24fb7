"""Which events a clause is about, as functions of one event; and which of them count once only.

`Order Completed` counts once per store and order id, although the shop's site and its back office both report it: of
the matching events of one order the earliest stands.
"""

from collections.abc import Callable, Mapping
from typing import Any

from processors.segments.clauses import Instant, Operand, Selector, Span, Where
from processors.segments.comparison import Number, instant, number, predicate
from processors.segments.fields import trait_getter
from processors.segments.operators import TIME

Event = Mapping[str, Any]
# (event, its time in ms) -> does it match; None: every event of that name does.
Matcher = Callable[[Event, int], bool]

ONCE_PER_ORDER = frozenset({"Order Completed"})
_EXACT_INTEGERS = 10**15  # 1001.0 is order 1001; a float beyond this has lost the digits that tell orders apart


def time_test(op: str, operand: Operand) -> Callable[[Any, int], bool]:
    """Return the test `(value, now) -> bool` of `before`, `after` or `within`.

    A span counts back from `now`: `within` holds while value <= now < value + span, `before` from the end of that on,
    and `after` until then.
    """
    if isinstance(operand, Instant):
        fixed = operand.millis
        if op == "before":
            return lambda value, now: (found := instant(value)) is not None and found < fixed
        return lambda value, now: (found := instant(value)) is not None and found > fixed
    if not isinstance(operand, Span):
        raise TypeError(f"{op} compares with an instant or a span")
    span = operand.millis
    if op == "before":
        return lambda value, now: (found := instant(value)) is not None and found + span <= now
    if op == "after":
        return lambda value, now: (found := instant(value)) is not None and now < found + span
    return lambda value, now: (found := instant(value)) is not None and found <= now < found + span


def _condition(where: Where) -> Matcher:
    get = trait_getter(where.property)
    if where.op in TIME:
        timed = time_test(where.op, where.value)
        return lambda event, t: timed(get(event["properties"]), t)
    test = predicate(where.op, where.value)
    return lambda event, t: test(get(event["properties"]))


def matcher(selector: Selector) -> Matcher | None:
    """Return the test for the events of `selector` among those of its name; None if all of them match."""
    conditions = [_condition(where) for where in selector.where]
    channel = selector.channel
    if channel is not None:
        conditions.insert(0, lambda event, t: event["channel"] == channel)
    if not conditions:
        return None
    if len(conditions) == 1:
        return conditions[0]
    return lambda event, t: all(condition(event, t) for condition in conditions)


def order_key(event: Event) -> str | None:
    """Return what names the order of an event within a person's orders; None if the event names no order."""
    properties = event["properties"]
    order_id = properties.get("order_id")
    if type(order_id) is float and order_id.is_integer() and abs(order_id) < _EXACT_INTEGERS:
        order_id = int(order_id)
    if (type(order_id) is not str and type(order_id) is not int) or order_id == "":
        return None
    store = properties.get("store")
    return f"{store if type(store) is str and store else event['source']}\n{order_id}"


def amount_getter(name: str) -> Callable[[Event], Number | None]:
    """Return the reader of the number that an event adds to a sum; None where there is none."""
    get = trait_getter(name)
    return lambda event: number(get(event["properties"]))
