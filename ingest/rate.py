"""Rate limits: a source that sets one may send so many events a second, in each collector process."""

import math

from ingest.answers import Refused
from schemas.source import Source

# A source may save up this many seconds of its rate, for bursts.
BURST_S = 2.0


class RateLimits:
    """Token buckets by source. A request takes what it needs when anything is left, and the debt delays the next
    one."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, source: Source, events: int, now: float) -> None:
        """Count `events` at `now` (seconds, of any clock). Raises `Refused` (429) when the source has to wait."""
        rate = source.limits.events_per_second
        if rate is None:
            return
        full = max(rate * BURST_S, 1.0)
        left, at = self._buckets.get(source.name, (full, now))
        left = min(full, left + (now - at) * rate)
        if left < 1.0:
            self._buckets[source.name] = (left, now)
            wait = max(1, math.ceil((1.0 - left) / rate))
            raise Refused(429, "rate_limited", f"This source may send {rate:g} events a second.", retry_after=wait)
        self._buckets[source.name] = (left - events, now)
