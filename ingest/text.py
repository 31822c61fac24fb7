"""Reading and writing the JSON of strangers: what the fast codec refuses but the wire allows.

Browsers cut emojis in half (lone surrogates), proxies add byte order marks, and JSON may nest deeper than the fast
writer goes. None of this costs the sender an event. What is not JSON (NaN, infinities, trailing commas, more than 512
levels) is refused.
"""

import json
from typing import Any, Final, NoReturn

import orjson

from schemas.codec import JSONDecodeError, dumps, dumps_sorted, loads

MAX_LEVELS: Final = 512


class NotJsonError(ValueError):
    """The bytes are not JSON; the text says where and why."""


def parse(body: bytes) -> Any:
    """Return the JSON value of `body`, lone surrogates and other broken characters replaced by U+FFFD.

    Raises `NotJsonError` for what is not JSON. Levels are not counted here, where it would cost every request: writing
    such a value is refused, and whoever meets one that the fast writer refuses calls `check_levels`.
    """
    try:
        return loads(body)
    except JSONDecodeError as error:
        return _parse_leniently(body, error)


def _parse_leniently(body: bytes, refusal: JSONDecodeError) -> Any:
    try:
        text = body.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        text = body.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        return _mended(value)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(refusal)) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{digits} is too large")
    return number


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not value.isascii() else value
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return float(value)
    return value


def check_levels(body: bytes) -> None:
    """Raise `NotJsonError` when valid JSON nests deeper than 512 levels; brackets inside strings do not count."""
    level = 0
    # Without escapes, every second piece between quotes is a string.
    for piece in body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]:
        for byte in piece:
            if byte in b"[{":
                level += 1
                if level > MAX_LEVELS:
                    raise NotJsonError(f"more than {MAX_LEVELS} levels of nesting")
            elif byte in b"]}":
                level -= 1


def json_bytes(value: Any, *, sort_keys: bool = False) -> bytes:
    """Return `value` as compact JSON, also where it nests deeper than the fast writer goes (254 levels).

    Raises `NotJsonError` for more than 512 levels.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:
        if _levels(value) > MAX_LEVELS:
            raise NotJsonError(f"more than {MAX_LEVELS} levels of nesting") from None
        return dumps_sorted(value) if sort_keys else dumps(value)


def _levels(value: Any) -> int:
    levels, layer = 0, [value]
    while layer := [node for node in layer if isinstance(node, dict | list)]:
        levels += 1
        layer = [child for node in layer for child in (node.values() if isinstance(node, dict) else node)]
    return levels
