"""JSON on the wire: one way to write it and one way to read it.

`loads` refuses what JSON does not have (NaN, infinities, lone surrogates); `dumps` writes compact UTF-8 with the keys
in the order they have, so that equal states serialise to equal bytes if they were built in the same order.
"""

import json
from typing import Any

import orjson

SCHEMA_VERSION = 1

loads = orjson.loads
JSONDecodeError = orjson.JSONDecodeError


def dumps(value: Any) -> bytes:
    """Return `value` as compact JSON bytes, however deep it nests (the fast writer stops at 254 levels).

    Raises `TypeError` for values JSON has no form for.
    """
    try:
        # Copied: what the fast writer returns holds on to its whole buffer, some kilobytes, for as long as it is kept.
        return bytes(memoryview(orjson.dumps(value)))
    except TypeError:
        return _deep(value, sort_keys=False)


def dumps_text(value: Any) -> str:
    """Return what `dumps` does, as text. Raises `TypeError` as it does."""
    try:
        return str(orjson.dumps(value), "utf-8")
    except TypeError:
        return _deep(value, sort_keys=False).decode()


def dumps_sorted(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys: the form in which two equal values have equal bytes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _deep(value, sort_keys=True)


def _deep(value: Any, *, sort_keys: bool) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=sort_keys)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise TypeError("JSON has no form for lone surrogates") from error
