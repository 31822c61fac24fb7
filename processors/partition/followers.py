"""Orders that follow a seed: each is told who owns the seed at the order's instant, now and whenever that changes.

Stored apart from the seed's state (`followers_key`) as `{order_seed: at}`: only orders and changes of owner look here.
"""

from processors.partition.context import Context
from processors.partition.keys import followers_key
from processors.partition.slices import Slice, slice_at


class Followers:
    """Who follows the seeds of one unit."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._working = context.working

    def add(self, seed: str, order_seed: str, at: int) -> None:
        """Have an order follow a seed, for the instant `at` (ms)."""
        followers = self._working.load(followers_key(seed)) or {}
        followers[order_seed] = at
        self._working.save(followers_key(seed), followers)

    def remove(self, seed: str, order_seed: str) -> None:
        """Have an order follow a seed no longer."""
        followers = self._working.load(followers_key(seed)) or {}
        if followers.pop(order_seed, None) is not None:
            self._working.save(followers_key(seed), followers or None)

    def forget(self, seed: str, bounds: tuple[int | None, int | None]) -> None:
        """Let go of the orders whose instant lies within the bounds (ms; None: unbounded)."""
        start, end = bounds
        followers: dict[str, int] = self._working.load(followers_key(seed)) or {}
        kept = {
            order_seed: at
            for order_seed, at in followers.items()
            if (start is not None and at < start) or (end is not None and at >= end)
        }
        if kept != followers:
            self._working.save(followers_key(seed), kept or None)

    def tell(self, seed: str, before: list[Slice], after: list[Slice]) -> None:
        """Tell each order whose instant has got another owner."""
        for order_seed, at in (self._working.load(followers_key(seed)) or {}).items():
            was, now = owner_at(seed, before, at), owner_at(seed, after, at)
            if was != now:
                self._context.deliver(order_seed, ["owner", seed, now])


def owner_at(seed: str, slices: list[Slice], at: int) -> str:
    """Return who owns a seed at an instant; without slices it is its own profile."""
    owner: str = slice_at(slices, at)[2] if slices else seed
    return owner
