"""Reading vendors' JSON, whatever shape it really has: what is missing or of another type reads as nothing.

No function here raises, so that a vendor's module says only what it looks for.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ingest.clock import moment
from processors.identity.normalise import text_of
from schemas.times import to_iso

_NOTHING: Final[Mapping[str, Any]] = {}
_DIGITS: Final = 15


def at(value: Any, *path: str | int) -> Any:
    """Return what lies at `path` inside objects and lists, or None where it does not lead anywhere."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        else:
            value = value[step] if isinstance(value, list) and -len(value) <= step < len(value) else None
    return value


def obj(value: Any, *path: str | int) -> Mapping[str, Any]:
    """Return the object at `path`, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else _NOTHING


def rows(value: Any, *path: str | int) -> list[Mapping[str, Any]]:
    """Return the objects in the list at `path`; what is no object is left out."""
    found = at(value, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def text(value: Any, *path: str | int) -> str | None:
    """Return the text or number at `path` as trimmed text, or None for anything else and for nothing."""
    return text_of(at(value, *path)) or None


def first(*values: Any) -> Any:
    """Return the first value that says something: not null, not empty."""
    return next((value for value in values if value is not None and value not in ("", [], {})), None)


def instant(value: Any) -> str | None:
    """Return a time as ISO 8601 UTC, or None for what is none.

    Numbers, also as text, are seconds or milliseconds since 1970; other text is ISO 8601 (without an offset: UTC) or
    what X writes (`Wed Aug 27 13:08:45 +0000 2008`).
    """
    if isinstance(value, str):
        spelling = value.strip()
        if spelling.isascii() and spelling.isdigit() and 9 <= len(spelling) <= _DIGITS:
            value = int(spelling)
        elif spelling[:3].isalpha():
            try:
                value = datetime.strptime(spelling, "%a %b %d %H:%M:%S %z %Y").timestamp()
            except (ValueError, OverflowError):
                return None
    millis = moment(value)
    return None if millis is None else to_iso(millis)


def compact(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says something: without nulls, empty texts, lists and objects."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {})}
