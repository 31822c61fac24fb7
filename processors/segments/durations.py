"""Durations as definitions write them: `30s`, `15m`, `1h`, `7d`."""

import re

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PATTERN = re.compile(r"([0-9]{1,10})([smhd])")

# Ten years: longer windows are a clause without `within`, and ends of windows stay inside what every store can hold.
MAX_DAYS = 3_650
MAX_MILLIS = MAX_DAYS * _UNITS["d"]
RIGHT = f"a duration such as 30s, 15m, 1h or 7d, more than 0 and at most {MAX_DAYS}d"


def parse_duration(text: object) -> int:
    """Return the milliseconds of a duration. Raises `ValueError`, saying what would be right, for anything else."""
    found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"write {RIGHT}")
    millis = int(found[1]) * _UNITS[found[2]]
    if not 0 < millis <= MAX_MILLIS:
        raise ValueError(f"{text} is no possible window: write {RIGHT}")
    return millis


def is_duration(text: object) -> bool:
    """Tell whether `text` has the form of a duration, possible or not."""
    return isinstance(text, str) and _PATTERN.fullmatch(text) is not None


def write_duration(millis: int) -> str:
    """Return the shortest text that `parse_duration` reads as `millis` (whole seconds)."""
    for unit in "dhms":
        if millis % _UNITS[unit] == 0:
            return f"{millis // _UNITS[unit]}{unit}"
    raise ValueError(f"{millis} ms are no whole seconds")
