"""How much a source may leave behind as dead letters, so that a bad deployment raises an alarm and fills no disk.

A source may save up a day's worth. Beyond it, what cannot be an event is no longer kept: a request with nothing else in
it is refused (its sender keeps it), and what stands beside good events is counted, logged and let go.
"""

from typing import Final

import structlog

from schemas.metrics import counter
from schemas.source import Source

log = structlog.get_logger(__name__)

_DAY_MS: Final = 24 * 60 * 60 * 1000
# A source over its limit is named in the log once in so long.
_SAY_EVERY_MS: Final = 60_000


class DeadLetterLimits:
    """A bucket of bytes per source, full at first, in each collector process."""

    # When a refused sender may try again, seconds.
    WAIT_S: Final = 60

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, int]] = {}
        self._said: dict[str, int] = {}
        self._dropped = counter("kith_collector_dead_letters_dropped_total")

    def take(self, source: Source, size: int, now: int) -> bool:
        """Tell whether a letter of `size` bytes is kept at `now` (ms); says so loudly when it is not."""
        full = float(source.limits.dead_letter_bytes_per_day)
        left, at = self._buckets.get(source.name, (full, now))
        left = min(full, left + max(0, now - at) * full / _DAY_MS)
        if left >= size:
            self._buckets[source.name] = (left - size, max(at, now))
            return True
        self._buckets[source.name] = (left, max(at, now))
        self._dropped.labels(source.name).inc()
        if now - self._said.get(source.name, -_SAY_EVERY_MS) >= _SAY_EVERY_MS:
            self._said[source.name] = now
            log.error(
                "dead letters beyond the source's limit are not kept: its sender is broken",
                source=source.name,
                bytes_per_day=source.limits.dead_letter_bytes_per_day,
            )
        return False
