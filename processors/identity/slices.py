"""Whose activity on a weak identifier is: its time line, cut by the logins of different people.

Activity belongs to the latest login at or before it, and before the first login to that first login. Times alone are
compared; of logins at one instant the greatest (message id, event id) is the latest, the smallest the first.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.identifier import Identifier


class Cut(NamedTuple):
    """From `start` (ms since 1970; None: the beginning of time) the weak identifier is `owner`'s, up to the next
    cut."""

    start: int | None
    owner: Identifier


def cuts(logins: Iterable[tuple[int, Identifier]]) -> list[Cut]:
    """Return the cuts that logins `(t, owner)`, in order of evidence, make; neighbours have different owners."""
    found: list[Cut] = []
    for t, owner in logins:
        if not found:
            found.append(Cut(None, owner))
            continue
        if found[-1].start == t:
            # Of two logins at one instant the earlier one owns nothing.
            found.pop()
        if found[-1].owner != owner:
            found.append(Cut(t, owner))
    return found
