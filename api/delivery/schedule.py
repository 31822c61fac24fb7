"""When a delivery that failed is tried again, and when it is given up. Pure: chance is an argument."""

from collections.abc import Sequence

from processors.segments.durations import parse_duration
from schemas.errors import KithError

JITTER = 0.1


def delays_of(text: str) -> tuple[int, ...]:
    """Return the pauses (ms) of `KITH_WEBHOOK_RETRIES`: durations between commas. Raises `KithError` for other text."""
    try:
        return tuple(parse_duration(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise KithError(f"KITH_WEBHOOK_RETRIES: {error}; write durations such as 1s,5s,2m.") from error


def due_after(delays: Sequence[int], attempts: int, now: int, chance: float) -> int | None:
    """Return when to try again after `attempts` failures, in ms; None: never. `chance` is between 0 and 1.

    The pause is the `attempts`-th one, give or take up to 10 %, so that many failures at once do not come back at once.
    """
    if attempts > len(delays):
        return None
    return now + round(delays[attempts - 1] * (1 + JITTER * (2 * chance - 1)))
