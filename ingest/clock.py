"""Times of messages: read what senders write, correct it for their clocks, write it as the log keeps it.

Everything is whole milliseconds since 1970 as soon as it is read, so the correction is exact on the published fields:
`occurred_at == received_at - (sent_at - original_timestamp)`.
"""

import math
from functools import lru_cache
from typing import Any, Final

from schemas.times import EARLIEST, LATEST, to_iso, to_millis

DAY_MS: Final = 24 * 60 * 60 * 1000
# Numbers above this are milliseconds, below it seconds: the year 5138 in seconds, March 1973 in milliseconds.
_MILLISECONDS_FROM: Final = 100_000_000_000


def moment(value: Any) -> int | None:
    """Return an instant that a sender wrote, as milliseconds since 1970, cut; None for what is no time.

    Text is ISO 8601 (without an offset: UTC); numbers are seconds or milliseconds since 1970.
    """
    if isinstance(value, str):
        try:
            millis = to_millis(value)
        except (ValueError, OverflowError):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    else:
        millis = int(value if abs(value) >= _MILLISECONDS_FROM else value * 1000)
    return millis


def occurred(received: int, sent: int | None, original: int) -> tuple[int, bool]:
    """Return when it happened on our clock, and whether that had to be clamped.

    The sender's clock is trusted for the distance between `original` and `sent`, ours for the moment of receipt. More
    than 24 hours in the future is the time of receipt; what no store can hold (before 1900) is the earliest time one
    can.
    """
    at = original if sent is None else received - (sent - original)
    if at > received + DAY_MS:
        return received, True
    if at < EARLIEST:
        return EARLIEST, True
    return at, False


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return to_iso(seconds * 1000)[:19]


def iso(millis: int) -> str:
    """Return what `times.to_iso` returns, at a fraction of its cost for the seconds around now.

    What lies outside the range that every store can hold is clamped into it.
    """
    millis = min(max(millis, EARLIEST), LATEST)
    return f"{_second(millis // 1000)}.{millis % 1000:03d}Z"
