"""A value of a type without parts, from JSON to the text in which ClickHouse reads it. Pure.

ClickHouse itself wraps a number that its type cannot hold, moves a date into the type's years, and reads no offset of a
time. Here a value arrives as it is, or is refused with a sentence.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.codec import dumps
from schemas.errors import Problem

# Databases that are ClickHouse's own.
OWN = ("system", "information_schema")
_INTEGER = re.compile(r"(U?)Int(8|16|32|64|128|256)")
_LARGEST = {"Float64": 1.7976931348623157e308, "Float32": 3.4028235677973366e38, "BFloat16": 3.38953139e38}
# First and last day that a type holds.
_DAYS = {
    "Date": (date(1970, 1, 1), date(2149, 6, 6)),
    "Date32": (date(1900, 1, 1), date(2299, 12, 31)),
    "DateTime": (date(1970, 1, 1), date(2106, 2, 7)),
    "DateTime64": (date(1900, 1, 1), date(2299, 12, 31)),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# More than any type has.
_MOST_DIGITS = 80


class UnfitError(ValueError):
    """A value is none of its type; says what would be one."""


def text_of(type_: str, value: Any) -> tuple[str, bool]:
    """Return the text of a value, and whether it stands in quotes within an array; `type_` is without arguments.

    Raises `UnfitError`, and `Problem` (forbidden) for the name of a database that is not ours.
    """
    if type_ in ("JSON", "Object"):
        return dumps(value).decode(), True
    if value is None:
        raise UnfitError("null is for Nullable types")
    if type_ == "Bool":
        return _bool(value), False
    integer = _INTEGER.fullmatch(type_)
    is_number = integer is not None or type_ in _LARGEST or type_.startswith("Decimal")
    if isinstance(value, dict | list):
        raise UnfitError("give a number" if is_number else "give text")
    if isinstance(value, bool):
        value = int(value) if is_number else str(value).lower()
    if integer is not None:
        return _integer(value, signed=not integer[1], bits=int(integer[2])), False
    if is_number:
        return _float(type_, value) if type_ in _LARGEST else f"{_number(value):f}", False
    if type_ in _DAYS:
        return _moment(type_, value), True
    if type_ == "Identifier" and str(value).lower() in OWN:
        raise Problem("forbidden", "This endpoint reads Kith's tables only, none of ClickHouse's own.")
    return str(value), True


def _bool(value: Any) -> str:
    text = str(value).lower()
    if text not in ("true", "false", "0", "1"):
        raise UnfitError("give true or false")
    return "true" if text in ("true", "1") else "false"


def _integer(value: Any, signed: bool, bits: int) -> str:
    smallest, largest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    number = _number(value)
    if not smallest <= number <= largest:
        raise UnfitError(f"it holds {smallest} to {largest}")
    if number != int(number):
        raise UnfitError("give a whole number")
    return str(int(number))


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise UnfitError("give a number") from error
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise UnfitError("it holds no such number")
    return number


def _float(type_: str, value: Any) -> str:
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise UnfitError("give a number") from error
    is_named = isinstance(value, str) and value.strip().lstrip("+-").lower() in ("nan", "inf", "infinity")
    if not is_named and abs(number) > _LARGEST[type_]:
        raise UnfitError("it holds no such number")
    return repr(number)


def _moment(type_: str, value: Any) -> str:
    """Return a date or time as ClickHouse reads it; a time with an offset, or a number, as seconds since 1970.

    What is no ISO 8601 is ClickHouse's to read or to refuse.
    """
    is_time = type_ in ("DateTime", "DateTime64")
    try:
        number = is_time and not isinstance(value, str)
        moment = datetime.fromtimestamp(value, UTC) if number else datetime.fromisoformat(str(value).strip())
    except (ValueError, OverflowError, OSError):
        return str(value)
    first, last = _DAYS[type_]
    if not first <= moment.date() <= last:
        raise UnfitError(f"it holds {first} to {last}")
    if not is_time:
        return moment.date().isoformat()
    if moment.tzinfo is None:
        return moment.isoformat(" ", "microseconds" if type_ == "DateTime64" else "seconds")
    since = moment - _EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    # ClickHouse takes few digits for a year.
    seconds = f"{'-' if micros < 0 else ''}{abs(micros) // 1_000_000:010d}"
    return seconds if type_ == "DateTime" else f"{seconds}.{abs(micros) % 1_000_000:06d}"
