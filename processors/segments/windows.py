"""What a fragment remembers of its events, so that the event clauses can be told at every later instant.

A *history* is a JSON object: leaf id to what that leaf keeps. It depends only on the set of events observed, never on
their order; histories of disjoint sets of events merge into the history of their union; and nothing here asks what
time it is. `now` only says what may be forgotten: the history answers exactly for every instant from then on.

| kind | keeps, oldest first | for |
|---|---|---|
| `newest` | `[t, event id]`, the newest `keep` up to now and all later ones | a count in a window |
| `earliest` | `[t, event id]`, the `keep` earliest | a count without a window |
| `window` | `[t, event id, amount]`, all in the window and the last that left it | a sum in a window |
| `total` | `[[t, amount], [[t, event id, amount], …]]`: the sum of the older, and the newest | a sum without a window |
| `pair` | `[A, B]`, each `[t, message id, event id]` of the newest up to now and all later ones | not followed by |

Where orders count once (see `selection`), an object of order key to entry stands for the list, and keeps every order.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal
from typing import Any

from processors.segments.leaves import HistoryLeaf
from processors.segments.selection import Event, Matcher, amount_getter, matcher, order_key

History = dict[str, Any]
Entry = list[Any]
# (event, history, t, now) -> has the history changed
Observer = Callable[[Event, History, int, int], bool]

# Sums without a window keep this many events apart, so that `since` is exact for what happened lately.
APART = 32
_EXACT = Context(prec=200)


def add(left: Any, right: Any) -> Decimal:
    """Return the exact sum of two amounts (decimal text or numbers)."""
    return _EXACT.add(Decimal(left), Decimal(right))


def _insert(entries: list[Entry], entry: Entry) -> bool:
    """Insert into a sorted list; tell whether it was not there yet."""
    if not entries or entry > entries[-1]:
        entries.append(entry)
        return True
    place = bisect_left(entries, entry)
    if entries[place] == entry:
        return False
    entries.insert(place, entry)
    return True


def _trim_newest(entries: list[Entry], keep: int, now: int) -> None:
    surplus = len(entries) - keep
    if surplus > 0:
        if entries[-1][0] > now:
            surplus = bisect_right(entries, [now + 1]) - keep
        if surplus > 0:
            del entries[:surplus]


def _trim_window(entries: list[Entry], window: int, now: int) -> None:
    if entries[0][0] + window <= now:
        gone = bisect_left(entries, [now - window + 1])
        del entries[: gone - 1]


def _trim_total(state: list[Any], now: int) -> None:
    base, entries = state
    while len(entries) > APART and entries[0][0] <= now:
        t, _, amount = entries.pop(0)
        base[0] = t if base[0] is None else max(t, base[0])
        base[1] = str(add(base[1], amount))


def _once(orders: dict[str, Entry], key: str, entry: Entry) -> bool:
    known = orders.get(key)
    if known is None or entry < known:
        orders[key] = entry
        return True
    return False


def _entry_key(event: Event) -> str:
    """Return what an event without an order is known by among those that count once per order."""
    return order_key(event) or f"\n{event['event_id']}"


def observers(leaf: HistoryLeaf) -> list[tuple[str, Observer]]:
    """Return the functions that fold an event into the history of a leaf, each with the event name it waits for."""
    if leaf.kind == "pair":
        sides = [(0, leaf.selector)] + ([(1, leaf.by)] if leaf.by is not None else [])
        return [(selector.event, _pair_observer(leaf, side, matcher(selector))) for side, selector in sides]
    if leaf.kind in ("newest", "earliest"):
        return [(leaf.selector.event, _count_observer(leaf, matcher(leaf.selector)))]
    return [(leaf.selector.event, _sum_observer(leaf, matcher(leaf.selector)))]


def _count_observer(leaf: HistoryLeaf, matches: Matcher | None) -> Observer:
    id_, keep, once, newest = leaf.id, leaf.keep, leaf.once[0], leaf.kind == "newest"

    def observe_orders(event: Event, history: History, t: int, now: int) -> bool:
        if matches is not None and not matches(event, t):
            return False
        return _once(history.setdefault(id_, {}), _entry_key(event), [t, event["event_id"]])

    def observe_newest(event: Event, history: History, t: int, now: int) -> bool:
        if matches is not None and not matches(event, t):
            return False
        entries = history.get(id_)
        if entries is None:
            history[id_] = [[t, event["event_id"]]]
            return True
        changed = _insert(entries, [t, event["event_id"]])
        _trim_newest(entries, keep, now)
        return changed

    def observe_earliest(event: Event, history: History, t: int, now: int) -> bool:
        entries = history.get(id_)
        if entries is None:
            if matches is not None and not matches(event, t):
                return False
            history[id_] = [[t, event["event_id"]]]
            return True
        entry = [t, event["event_id"]]
        if len(entries) >= keep and entry >= entries[-1]:
            return False
        if matches is not None and not matches(event, t):
            return False
        changed = _insert(entries, entry)
        del entries[keep:]
        return changed

    return observe_orders if once else observe_newest if newest else observe_earliest


def _sum_observer(leaf: HistoryLeaf, matches: Matcher | None) -> Observer:
    id_, once, window = leaf.id, leaf.once[0], leaf.window
    amount_of = amount_getter(leaf.amount or "")

    def observe(event: Event, history: History, t: int, now: int) -> bool:
        amount = amount_of(event)
        if amount is None or (matches is not None and not matches(event, t)):
            return False
        entry = [t, event["event_id"], str(amount)]
        if once:
            return _once(history.setdefault(id_, {}), _entry_key(event), entry)
        if window is not None:
            entries = history.setdefault(id_, [])
            changed = _insert(entries, entry)
            _trim_window(entries, window, now)
            return changed
        state = history.setdefault(id_, [[None, "0"], []])
        insort(state[1], entry)
        _trim_total(state, now)
        return True

    return observe


def _pair_observer(leaf: HistoryLeaf, side: int, matches: Matcher | None) -> Observer:
    id_, once = leaf.id, leaf.once

    def observe(event: Event, history: History, t: int, now: int) -> bool:
        if matches is not None and not matches(event, t):
            return False
        state = history.get(id_)
        if state is None:
            state = history[id_] = [{} if flag else [] for flag in once]
        entry = [t, event["message_id"], event["event_id"]]
        if once[side]:
            return _once(state[side], _entry_key(event), entry)
        changed = _insert(state[side], entry)
        _trim_newest(state[side], 1, now)
        return changed

    return observe


def event_ids(leaf: HistoryLeaf, kept: Any, now: int) -> list[tuple[int, str]]:
    """Return time and id of the events up to `now` that a history keeps apart for a leaf."""
    if not kept:
        return []
    lists, place = [kept], 1
    if leaf.kind == "pair":
        lists, place = kept, 2
    elif leaf.kind == "total" and not leaf.once[0]:
        lists = [kept[1]]
    found = []
    for entries in lists:
        for entry in entries.values() if type(entries) is dict else entries:
            if entry[0] <= now:
                found.append((entry[0], entry[place]))
    return found


def _join_entries(left: Any, right: Any) -> Any:
    if isinstance(left, dict):
        joined = dict(left)
        for key, entry in right.items():
            _once(joined, key, entry)
        return joined
    if not left or not right:
        return left or right
    entries = sorted(left + right)
    return [entry for place, entry in enumerate(entries) if not place or entry != entries[place - 1]]


def join(leaf: HistoryLeaf, left: Any, right: Any) -> Any:
    """Return what a leaf keeps of the union of two disjoint sets of events; the arguments stay as they are.

    Associative and commutative. Nothing is forgotten here that either of the two still keeps, except beyond `keep`.
    """
    if leaf.kind == "pair":
        return [_join_entries(left[0], right[0]), _join_entries(left[1], right[1])]
    if leaf.kind == "total" and not leaf.once[0]:
        at = max((t for t in (left[0][0], right[0][0]) if t is not None), default=None)
        return [[at, str(add(left[0][1], right[0][1]))], sorted(left[1] + right[1])]
    entries = _join_entries(left, right)
    if leaf.kind == "earliest" and not leaf.once[0]:
        return entries[: leaf.keep]
    return entries


def merge(leaves: Mapping[str, HistoryLeaf], histories: Iterable[Mapping[str, Any]]) -> History:
    """Return the history of the union of disjoint sets of events; leaves that no definition names are dropped."""
    merged: History = {}
    for history in histories:
        for id_, kept in history.items():
            leaf = leaves.get(id_)
            if leaf is not None:
                merged[id_] = join(leaf, merged[id_], kept) if id_ in merged else kept
    return merged


class Merged:
    """`merge` of several histories, made leaf by leaf when a clause asks: an event touches few of them."""

    __slots__ = ("_histories", "_leaves", "_made")

    def __init__(self, leaves: Mapping[str, HistoryLeaf], histories: Iterable[Mapping[str, Any]]) -> None:
        self._leaves = leaves
        self._histories = tuple(histories)
        self._made: History = {}

    def get(self, id_: str) -> Any:
        """Return what the merged history keeps for a leaf, or None."""
        if len(self._histories) == 1:
            return self._histories[0].get(id_)
        if id_ in self._made:
            return self._made[id_]
        merged = None
        for history in self._histories:
            kept = history.get(id_)
            if kept is not None:
                merged = kept if merged is None else join(self._leaves[id_], merged, kept)
        self._made[id_] = merged
        return merged
