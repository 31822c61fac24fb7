"""From what a history keeps to whether a clause is true, since when, until when, and because of which event.

A *truth* is `(member, since, next, event id)`: `since` is the instant at which it became so as far as the history
tells (None: it has been so for as long as is known), `next` the instant at which it changes if nothing happens (None:
never), both in milliseconds; the event is the one that made it so (None: time did, or nobody knows).

A window of length w holds an event while t <= now < t + w; events later than now are not there yet.
"""

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from processors.segments.clauses import Count, NotFollowed, Sum
from processors.segments.comparison import Number, number
from processors.segments.leaves import threshold_of
from processors.segments.windows import Entry, add

Truth = tuple[bool, int | None, int | None, str | None]
# (what the history keeps for the leaf or None, now) -> truth
Timeline = Callable[[Any, int], Truth]

ALWAYS: Truth = (True, None, None, None)
NEVER: Truth = (False, None, None, None)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
# (instant, amount that joins or leaves at it, event id or None)
Step = tuple[int, Any, str | None]


def _steps(entries: Iterable[Entry], window: int | None, amounts: Iterable[Any]) -> list[Step]:
    steps: list[Step] = []
    for entry, amount in zip(entries, amounts, strict=True):
        steps.append((entry[0], amount, entry[1]))
        if window is not None:
            steps.append((entry[0] + window, amount.copy_negate() if hasattr(amount, "copy_negate") else -amount, None))
    steps.sort(key=lambda step: step[0])
    return steps


def _walk(steps: Sequence[Step], now: int, test: Callable[[Any], bool], start: Any, since: int | None = None) -> Truth:
    """Return the truth of `test` over a quantity that changes at `steps` (sorted) and begins with `start`."""
    quantity = start
    truth = test(quantity)
    because: str | None = None
    place, count = 0, len(steps)
    while place < count:
        at = steps[place][0]
        event_id = None
        while place < count and steps[place][0] == at:
            quantity = add(quantity, steps[place][1]) if type(quantity) is not int else quantity + steps[place][1]
            event_id = steps[place][2] or event_id
            place += 1
        changed = test(quantity) is not truth
        if at > now:
            if changed:
                return truth, since, at, because
        elif changed:
            truth, since, because = not truth, at, event_id
    return truth, since, None, because


def _sorted(kept: Any) -> list[Entry]:
    return sorted(kept.values()) if type(kept) is dict else kept


def _at_least(threshold: int, window: int) -> Callable[[list[Entry], int], Truth]:
    """Return the truth of "at least `threshold` in the window" where no event is later than now."""

    def truth(entries: list[Entry], now: int) -> Truth:
        place = len(entries) - threshold
        if place < 0:
            return NEVER
        end = entries[place][0] + window
        if now < end:
            # Going back: it was true before an event too if the one that this pushed out was still in the window then.
            last = place + threshold - 1
            while place > 0 and entries[place - 1][0] + window > entries[last][0]:
                place, last = place - 1, last - 1
            return True, entries[last][0], end, entries[last][1]
        for first in range(place, -1, -1):
            if entries[first][0] + window > entries[first + threshold - 1][0]:
                return False, entries[first][0] + window, None, None
        return NEVER

    return truth


def count_timeline(count: Count, window: int | None) -> Timeline:
    """Return the timeline of a count, within a window or ever."""
    threshold = threshold_of(count)
    compare, value = _COMPARE[count.op], count.value
    test: Callable[[Any], bool] = lambda quantity: compare(quantity, value)  # noqa: E731
    nothing: Truth = ALWAYS if test(0) else NEVER
    negative = count.op in ("lt", "lte")
    simple = count.op in ("gt", "gte", "lt", "lte") and threshold > 0 and window is not None
    at_least = _at_least(threshold, window or 0)

    def truth(kept: Any, now: int) -> Truth:
        if not kept:
            return nothing
        entries = _sorted(kept)
        if simple and entries[-1][0] <= now:
            found = at_least(entries, now)
            return (not found[0], *found[1:]) if negative else found
        return _walk(_steps(entries, window, (1,) * len(entries)), now, test, 0)

    return truth


def sum_timeline(comparison: Sum, window: int | None) -> Timeline:
    """Return the timeline of a sum, within a window or ever; a sum over no event is 0."""
    compare = _COMPARE[comparison.op]
    value: Number = number(comparison.value) or 0
    test: Callable[[Any], bool] = lambda quantity: compare(quantity, value)  # noqa: E731
    zero = add(0, 0)
    nothing: Truth = ALWAYS if test(0) else NEVER

    def truth(kept: Any, now: int) -> Truth:
        if not kept:
            return nothing
        base, since = zero, None
        if type(kept) is dict or window is not None:
            entries = _sorted(kept)
        else:
            (since, start), entries = kept
            base = add(start, 0)
        return _walk(_steps(entries, window, (add(entry[2], 0) for entry in entries)), now, test, base, since)

    return truth


def _latest(entries: list[Entry], now: int) -> Entry | None:
    place = bisect_right(entries, [now + 1])
    return entries[place - 1] if place else None


def followed_timeline(clause: NotFollowed) -> Timeline:
    """Return the timeline of "A, and for `delay` no B after it": until a B, a newer A, or the end of the window of A.

    What is at one instant is ordered by message id, as everywhere.
    """
    delay, within = clause.delay, clause.within

    def state(first: list[Entry], then: list[Entry], now: int) -> Truth:
        a, b = _latest(first, now), _latest(then, now)
        if a is None:
            return NEVER
        if b is not None and b > a:
            return False, b[0], None, b[2]
        start = a[0] + delay
        if now < start:
            return False, a[0], start, a[2]
        end = None if within is None else a[0] + within
        if end is not None and now >= end:
            return False, end, None, None
        return True, start, end, None

    def truth(kept: Any, now: int) -> Truth:
        if not kept:
            return NEVER
        first, then = _sorted(kept[0]), _sorted(kept[1])
        found = state(first, then, now)
        later = sorted({entry[0] for entries in (first, then) for entry in entries if entry[0] > now})
        for at in later:
            # An event that is dated later ends or begins something before time alone would.
            if found[2] is not None and found[2] < at:
                return found
            there = state(first, then, at)
            if there[0] is not found[0]:
                return found[0], found[1], at, found[3]
            found = found[0], found[1], there[2], found[3]
        return found

    return truth
