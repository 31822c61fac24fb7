"""The slices of a seed as its unit keeps them: sorted `[from, to, owner]`, the first from the beginning of time.

Only `from` decides where an instant belongs; `to` is shown to people. So a batch that sees half of what the writer said
about a seed attributes events somewhere at every moment, and to the right place when it has seen the rest.
"""

from typing import Any

Slice = list[Any]  # [from: int | None, to: int | None, owner: str]


def slice_at(slices: list[Slice], t: int) -> Slice:
    """Return the slice that holds the instant `t`; what lies before the first belongs to the first."""
    found = slices[0]
    for candidate in reversed(slices):
        start = candidate[0]
        if start is None or start <= t:
            return candidate
    return found


def put_slice(slices: list[Slice], start: int | None, end: int | None, owner: str) -> None:
    """Insert or replace the slice that begins at `start`, keeping the order."""
    for index, existing in enumerate(slices):
        if existing[0] == start:
            slices[index] = [start, end, owner]
            return
        if start is None or (existing[0] is not None and existing[0] > start):
            slices.insert(index, [start, end, owner])
            return
    slices.append([start, end, owner])


def drop_slice(slices: list[Slice], start: int | None) -> bool:
    """Remove the slice that begins at `start`; tell whether it was there."""
    for index, existing in enumerate(slices):
        if existing[0] == start:
            del slices[index]
            return True
    return False
