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

    Text is ISO 8601 (without an offset: UTC); numbers are seconds or milliseconds since 1970. What no store can hold
    (before 1900, from 2300 on) is the nearest instant that one can.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            millis = to_millis(value)
        except (ValueError, OverflowError):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    else:
        millis = math.floor(value if abs(value) >= _MILLISECONDS_FROM else value * 1000)
    return millis if EARLIEST <= millis <= LATEST else EARLIEST if millis < EARLIEST else LATEST


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return to_iso(seconds * 1000)[:20]


_THOUSANDTHS: Final = tuple(f"{thousandth:03d}Z" for thousandth in range(1000))


def iso(millis: int) -> str:
    """Return what `to_iso` returns, faster for the seconds around now, in which nearly all events happen."""
    seconds, thousandths = divmod(millis, 1000)
    return _second(seconds) + _THOUSANDTHS[thousandths]


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
