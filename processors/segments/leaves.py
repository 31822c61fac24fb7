"""The leaves that need a history: what each one keeps, under an id made of nothing but that.

Clauses that differ only in what they compare with share a leaf ("at least 3 in 7 days", "fewer than 3 in 30 days"),
also across segments, so a new definition needs the archive only for leaves that nobody kept yet.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from processors.segments.clauses import Count, Happened, NotFollowed, Operand, Selector
from processors.segments.selection import ONCE_PER_ORDER
from schemas.codec import dumps

Kind = Literal["newest", "earliest", "window", "total", "pair"]


@dataclass(frozen=True, slots=True)
class HistoryLeaf:
    """What a history keeps for one or more event clauses; see `windows` for the kinds."""

    id: str
    kind: Kind
    selector: Selector
    by: Selector | None = None
    amount: str | None = None
    keep: int = 1
    window: int | None = None

    @property
    def once(self) -> tuple[bool, bool]:
        """Tell for the selector and for `by` whether its events count once per order."""
        return self.selector.event in ONCE_PER_ORDER, self.by is not None and self.by.event in ONCE_PER_ORDER


def _plain(operand: Operand) -> object:
    if operand is None or isinstance(operand, str | int | float):
        return operand
    return list(operand) if isinstance(operand, tuple) else [type(operand).__name__, operand.millis]


def _written(selector: Selector | None) -> object:
    if selector is None:
        return None
    return [selector.event, selector.channel, [[w.property, w.op, _plain(w.value)] for w in selector.where]]


def _leaf(
    kind: Kind,
    selector: Selector,
    *,
    by: Selector | None = None,
    amount: str | None = None,
    keep: int = 1,
    window: int | None = None,
) -> HistoryLeaf:
    content = dumps([kind, _written(selector), _written(by), amount, keep, window])
    return HistoryLeaf(sha256(content).hexdigest()[:16], kind, selector, by, amount, keep, window)


def threshold_of(count: Count) -> int:
    """Return the largest number that the comparison has to tell from the next smaller one."""
    return count.value + (count.op in ("gt", "lte", "eq", "ne"))


def count_leaf(clause: Happened, count: Count) -> HistoryLeaf:
    """Return the leaf of a count. In a window one event more is kept than decides: it tells since when it is so."""
    threshold = max(threshold_of(count), 1)
    if clause.within is None:
        return _leaf("earliest", clause.selector, keep=threshold)
    return _leaf("newest", clause.selector, keep=threshold + 1)


def sum_leaf(clause: Happened, amount: str) -> HistoryLeaf:
    """Return the leaf of a sum of `amount`."""
    if clause.within is None:
        return _leaf("total", clause.selector, amount=amount)
    return _leaf("window", clause.selector, amount=amount, window=clause.within)


def pair_leaf(clause: NotFollowed) -> HistoryLeaf:
    """Return the leaf of an event that nothing followed."""
    return _leaf("pair", clause.selector, by=clause.by)
