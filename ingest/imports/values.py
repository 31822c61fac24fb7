"""What stands in a cell, as the value that an event carries: numbers, truth values, JSON, instants.

Pure. A cell that cannot be read raises `CellError` with a sentence for the person whose file it is.
"""

import json
import math
from datetime import datetime, tzinfo
from typing import Any, Final, Literal

from schemas.times import EARLIEST, LATEST, to_iso, to_millis

ValueType = Literal["text", "integer", "number", "boolean", "json"]
_TRUE: Final = frozenset({"true", "yes", "y", "t", "1"})
_FALSE: Final = frozenset({"false", "no", "n", "f", "0"})


class CellError(Exception):
    """What is wrong with a row, for the person who mends it."""


def convert(value: Any, type_: ValueType) -> Any:
    """Return a cell's value as `type_`; what is no text (NDJSON has types of its own) stays as it is.

    Raises `CellError` when the text is none of that type.
    """
    if type_ == "text" or not isinstance(value, str):
        return value
    text = value.strip()
    try:
        if type_ == "integer":
            return int(text)
        if type_ == "number":
            return _number(text)
        if type_ == "json":
            return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        raise CellError(f"{_shown(value)} is no {'JSON' if type_ == 'json' else type_}") from None
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise CellError(f"{_shown(value)} is neither true nor false")


def instant(value: Any, form: str, zone: tzinfo) -> str:
    """Return a cell's time as ISO 8601 UTC with milliseconds. Raises `CellError` when it is none in this form.

    `form` is `iso` (ISO 8601), `unix` (seconds since 1970), `unix_ms`, or a pattern of `strptime`; `zone` is that of
    times which name none.
    """
    try:
        if form in ("unix", "unix_ms"):
            millis = math.floor(float(value) * (1000 if form == "unix" else 1))
        else:
            text = str(value).strip()
            moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)
            millis = to_millis((moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat())
    except (ValueError, TypeError, OverflowError):
        raise CellError(f"{_shown(value)} is no time of the form {form}") from None
    if not EARLIEST <= millis <= LATEST:
        raise CellError(f"{_shown(value)} is outside 1900 to 2299")
    return to_iso(millis)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not math.isfinite(number):
            raise
        return number


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
