"""How a value compares with what a definition names: the meaning of every operator, wherever the value is from.

Numbers, also as decimal text, compare as decimals; text is exact; other pairs of types are unequal; whatever is
compared with something missing (absent or null) is false, `missing` apart. Decimal text has no leading zero, sign `+`
or exponent, so that a postal code or an account number stays text ("0123" is not 123, as for identifiers).
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from processors.segments.clauses import Operand, Scalar
from schemas.times import EARLIEST, LATEST, to_millis

Predicate = Callable[[Any], bool]
Number = int | Decimal

# What a 256-bit decimal with 38 decimals holds, with room for the sum of a hundred million of them, so that ClickHouse
# compares and adds the same numbers exactly. What is beyond is no number here: it equals and exceeds nothing.
WHOLE_DIGITS = 30
DECIMALS = 38
_BOUND = 10**WHOLE_DIGITS
_SMALLEST = 1e-21  # of floats other than 0: below, the digits of the shortest text may need more decimals
DECIMAL_TEXT = rf"-?(?:0|[1-9][0-9]{{0,{WHOLE_DIGITS - 1}}})(?:[.][0-9]{{1,{DECIMALS}}})?"
_DECIMAL = re.compile(DECIMAL_TEXT)

# Date; hour, minute; second; fraction; sign, hour and minute of the offset from UTC.
INSTANT_TEXT = (
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.]([0-9]{1,9}))?)?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))?)?"
)
_INSTANT = re.compile(INSTANT_TEXT)


def number(value: Any) -> Number | None:
    """Return a JSON number or decimal text as an exact number; None for everything else (booleans too)."""
    kind = type(value)
    if kind is int:
        return value if -_BOUND < value < _BOUND else None
    if kind is str:
        return Decimal(value) if _DECIMAL.fullmatch(value) else None
    if kind is float:
        return Decimal(repr(value)) if _SMALLEST <= abs(value) < _BOUND or value == 0 else None
    return None


def instant(value: Any) -> int | None:
    """Return ISO 8601 text (a date, or a date and a time; UTC without an offset) in milliseconds; None otherwise."""
    if type(value) is not str or not _INSTANT.fullmatch(value):
        return None
    try:
        millis = to_millis(value)
    except (ValueError, OverflowError):
        return None
    return millis if EARLIEST <= millis <= LATEST else None


def same(value: Any, other: Scalar) -> bool:
    """Tell whether two values are equal: as decimals, as text, or as booleans."""
    return equals(other)(value)


def equals(operand: Scalar) -> Predicate:
    """Return the test for equality with `operand`."""
    if isinstance(operand, bool):
        return lambda value: value is operand
    wanted = number(operand)
    if wanted is None:
        return lambda value: type(value) is str and value == operand

    def equal_number(value: Any) -> bool:
        found = number(value)
        return found is not None and found == wanted

    return equal_number


def one_of(operands: tuple[Scalar, ...]) -> Predicate:
    """Return the test for equality with one of `operands`, at the same cost for one and for a thousand."""
    flags = tuple(operand for operand in operands if isinstance(operand, bool))
    others = tuple(operand for operand in operands if not isinstance(operand, bool))
    numbers = frozenset(found for operand in others if (found := number(operand)) is not None)
    texts = frozenset(operand for operand in others if number(operand) is None)

    def is_member(value: Any) -> bool:
        if type(value) is bool:
            return value in flags
        if type(value) is str and value in texts:
            return True
        found = number(value) if numbers else None
        return found is not None and found in numbers

    return is_member


def _ordered(op: str, operand: Scalar) -> Predicate:
    wanted = number(operand)
    if wanted is None:
        raise ValueError(f"{operand!r} is no number")

    def greater(value: Any) -> bool:
        found = number(value)
        return found is not None and found > wanted

    def at_least(value: Any) -> bool:
        found = number(value)
        return found is not None and found >= wanted

    def less(value: Any) -> bool:
        found = number(value)
        return found is not None and found < wanted

    def at_most(value: Any) -> bool:
        found = number(value)
        return found is not None and found <= wanted

    return {"gt": greater, "gte": at_least, "lt": less, "lte": at_most}[op]


def _contains(operand: Scalar) -> Predicate:
    matches = equals(operand)
    text = operand if isinstance(operand, str) else None

    def contains(value: Any) -> bool:
        if type(value) is str:
            return text is not None and text in value
        return type(value) is list and any(matches(element) for element in value)

    return contains


def predicate(op: str, operand: Operand) -> Predicate:
    """Return the test of an operator that does not depend on the instant. Raises `KeyError` for the others."""
    if op == "exists":
        return lambda value: value is not None
    if op == "missing":
        return lambda value: value is None
    if isinstance(operand, tuple):
        listed = one_of(operand)
        return listed if op == "in" else lambda value: value is not None and not listed(value)
    if isinstance(operand, str | int | float):
        if op == "eq":
            return equals(operand)
        if op == "ne":
            equal = equals(operand)
            return lambda value: value is not None and not equal(value)
        if op == "contains":
            return _contains(operand)
        if op == "starts_with":
            prefix = str(operand)
            return lambda value: type(value) is str and value.startswith(prefix)
        return _ordered(op, operand)
    raise KeyError(op)
