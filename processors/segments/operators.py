"""Which operators a clause may use, and what each wants as its value."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from processors.segments.clauses import Instant, Operand, Scalar, Span
from processors.segments.comparison import DECIMALS, WHOLE_DIGITS, instant, number
from processors.segments.durations import is_duration, parse_duration
from schemas import segment as schema

MAX_VALUES = 1_000
MAX_TEXT = 1_000

ORDER: tuple[str, ...] = get_args(schema.OrderOp)
PRESENCE: tuple[str, ...] = get_args(schema.PresenceOp)
TEXT: tuple[str, ...] = get_args(schema.TextOp)
TIME: tuple[str, ...] = get_args(schema.TimeOp)

TRAIT_OPS: tuple[str, ...] = get_args(schema.TraitOp)
NUMBER_OPS = (*get_args(schema.EqualityOp), *ORDER, *PRESENCE)
TIME_OPS = (*TIME, *PRESENCE)
CONSENT_OPS: tuple[str, ...] = get_args(schema.ConsentOp)
COUNT_OPS: tuple[str, ...] = get_args(schema.CountOp)
WITHOUT_VALUE = ("granted", "denied", *PRESENCE)

# Beyond 64 bits a JSON number loses digits on its way.
_NUMBER = f"a number or decimal text of at most {WHOLE_DIGITS} digits before the point and {DECIMALS} after it"


def closest(word: object, known: tuple[str, ...]) -> str:
    """Return ` (did you mean "x"?)` for a slip of the pen, else nothing."""
    found = get_close_matches(word, known, 1) if isinstance(word, str) and len(word) < 64 else []
    return f' (did you mean "{found[0]}"?)' if found else ""


def shown(value: object) -> str:
    """Return a value as an error may quote it: short, whatever was sent."""
    if isinstance(value, str):
        text = f'"{value}"'
    elif value is None or isinstance(value, bool):
        text = {True: "true", False: "false", None: "null"}[value]
    elif isinstance(value, int | float):
        text = (
            repr(value) if isinstance(value, float) or -(10**60) < value < 10**60 else "a number of more than 60 digits"
        )
    else:
        text = "a list" if isinstance(value, list) else "an object"
    return text if len(text) <= 60 else text[:57] + "…"


def _scalar(value: Any) -> Scalar:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"the text is too long: at most {MAX_TEXT} characters")
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return ordered(value)
    raise ValueError(f"{shown(value)} is no text, number, true or false" + ("; use missing" if value is None else ""))


def ordered(value: Any) -> int | float | str:
    """Return a value that numbers can be compared with. Raises `ValueError`."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise ValueError(f"{shown(value)} is too long for a JSON number: write it as text")
    if number(value) is None:
        hint = "; for instants use before or after" if instant(value) is not None else ""
        raise ValueError(f"{shown(value)} is no number: write {_NUMBER}{hint}")
    return value  # type: ignore[no-any-return]


def _moment(value: Any) -> Instant | Span:
    if is_duration(value):
        return Span(parse_duration(value))
    found = instant(value)
    if found is None:
        raise ValueError(
            f"{shown(value)} is no instant: write 2026-01-31, 2026-01-31T10:15:00Z or a duration such as 7d"
        )
    return Instant(found)


def operand(op: str, clause: Mapping[str, Any], *, numeric: bool = False) -> Operand:
    """Return the checked value of a clause's operator; `numeric` wants numbers where text would do.

    Raises `ValueError` with what would be right.
    """
    if op in WITHOUT_VALUE:
        if "value" in clause:
            raise ValueError(f'"{op}" takes no value: leave it out')
        return None
    if "value" not in clause:
        raise ValueError(f'"{op}" needs a "value"')
    value = clause["value"]
    if op in ("in", "not_in"):
        if not isinstance(value, list) or not value:
            raise ValueError(f'"{op}" needs a list with at least one value')
        if len(value) > MAX_VALUES:
            raise ValueError(f"the list has {len(value)} values: at most {MAX_VALUES}")
        return tuple(ordered(item) if numeric else _scalar(item) for item in value)
    if op in TIME:
        return Span(parse_duration(value)) if op == "within" else _moment(value)
    if op in ORDER or numeric:
        return ordered(value)
    if op in TEXT and value == "":
        raise ValueError(f'"{op}" needs a text that is not empty; every text has an empty one')
    if op == "starts_with" and not isinstance(value, str):
        raise ValueError(f'"{op}" needs text, not {shown(value)}')
    return _scalar(value)
