"""Amounts of money: read from whatever shops send, kept as integers, shown as decimal text. No floats in between.

One unit is 1/10,000 of the currency's unit, so sums are exact in every order of addition.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

UNITS: Final = 10_000
# Beyond a trillion an amount is a mistake, whatever the currency; below it sums stay far inside 64 bits.
LIMIT: Final = 10**12 * UNITS
UNKNOWN_CURRENCY: Final = "XXX"  # ISO 4217's code for "no currency"

_PLAIN = re.compile(r"(-?)(\d{1,13})(?:\.(\d{1,4}))?", re.ASCII)
_DECORATION = re.compile(r"^[A-Z]{3}\s*(?=[\d.,+-])|(?<=\d)\s*[A-Z]{3}$|[$£¥¢\u20a0-\u20cf]", re.ASCII)
_SPACING = re.compile(r"[\s'’_]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)


def amount_of(value: Any) -> int | None:
    """Return the amount in units that `value` states; None where it states none, or an absurd one (from a trillion on).

    JSON numbers are taken as the decimal text that they are written as; text may have thousands separators (`1 234,50`,
    `1,234.50`, `1'234.50`), a currency's sign or code. A single comma before exactly three digits separates thousands
    (`1,234`), a single point never does (`1.234`). More than four decimals are rounded half to even.
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool) or value is None:
        return None
    elif isinstance(value, int):
        return value * UNITS if -LIMIT < value * UNITS < LIMIT else None
    elif isinstance(value, float):
        text = repr(value)
        if "e" in text:
            return _rounded(Decimal(text))
    else:
        return None
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        # No amount is this long; what follows would read all of it.
        if len(text) > 64:
            return None
        number = _without_separators(text)
        return None if number is None else _rounded(Decimal(number))
    sign, whole, decimals = plain.groups()
    units = int(whole) * UNITS + (int(decimals.ljust(4, "0")) if decimals else 0)
    if units >= LIMIT:
        return None
    return -units if sign else units


def _without_separators(text: str) -> str | None:
    """Return `text` as a number with a decimal point, or None where it is no number."""
    bare = _SPACING.sub("", _DECORATION.sub("", text.strip().replace("\u2212", "-")))
    point, comma = bare.rfind("."), bare.rfind(",")
    if point >= 0 and comma >= 0:
        thousands, decimal = (",", ".") if point > comma else (".", ",")
        bare = bare.replace(thousands, "").replace(decimal, ".")
    elif _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    elif bare.count(".") > 1:
        bare = bare.replace(".", "")
    else:
        bare = bare.replace(",", ".")
    return bare if _NUMBER.fullmatch(bare) else None


def _rounded(amount: Decimal) -> int | None:
    if not amount.is_finite() or amount.adjusted() > 12:
        return None
    units = int((amount * UNITS).to_integral_value(ROUND_HALF_EVEN))
    return units if -LIMIT < units < LIMIT else None


def amount_text(units: int) -> str:
    """Return units as decimal text with at least two decimals, and only as many as there are: `120.50`, `-0.0125`."""
    whole, rest = divmod(abs(units), UNITS)
    cents, finer = divmod(rest, 100)
    text = f"{whole}.{cents:02d}"
    if finer:
        text = f"{text}{finer:02d}".rstrip("0")
    return f"-{text}" if units < 0 else text


def currency_of(value: Any) -> str | None:
    """Return a currency as three capital letters; `XXX` for text that cannot be a code, None for what is missing."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        code = value.strip()
        if _CURRENCY.fullmatch(code):
            return code.upper()
    return UNKNOWN_CURRENCY


def quantity_of(value: Any) -> int:
    """Return a quantity in units of 1/10,000; what is missing or unreadable is one, what is negative is none at all."""
    units = amount_of(value)
    if units is None:
        return UNITS
    return max(units, 0)


def quantity_json(units: int) -> int | float:
    """Return a quantity as JSON shows it: a whole number where it is one."""
    whole, rest = divmod(units, UNITS)
    return whole if not rest else units / UNITS
