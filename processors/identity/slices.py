"""Whose activity on a weak identifier is: its time line, cut by the logins of different people.

Activity belongs to the latest login at or before it, and before the first login to that first login. Times alone are
compared; of logins at one instant the greatest (message id, event id) is the latest, the smallest the first.
"""

from collections.abc import Iterable
from typing import NamedTuple

Node = tuple[str, str]  # an identifier: (type, value)


class Cut(NamedTuple):
    """From `start` (ms since 1970; None: the beginning of time) the weak identifier is `owner`'s, up to the next
    cut."""

    start: int | None
    owner: Node


def extend(cuts: list[Cut], logins: Iterable[tuple[int, Node]]) -> list[Cut]:
    """Add to `cuts` what further logins `(t, owner)` make of them, in order of evidence, and return them.

    None of the logins may be earlier than the last cut. Neighbours have different owners.
    """
    for t, owner in logins:
        if not cuts:
            cuts.append(Cut(None, owner))
            continue
        if cuts[-1].start == t:
            # Of two logins at one instant the earlier one owns nothing.
            cuts.pop()
        if cuts[-1].owner != owner:
            cuts.append(Cut(t, owner))
    return cuts


def bounds(cuts: list[Cut]) -> dict[int | None, tuple[int | None, Node]]:
    """Return slices by their start, with their end and their owner."""
    ends = [*(cut.start for cut in cuts[1:]), None]
    return {cut.start: (end, cut.owner) for cut, end in zip(cuts, ends, strict=False)}
