"""JSON on the wire: one way to write it and one way to read it.

`loads` refuses what JSON does not have (NaN, infinities, lone surrogates); `dumps` writes compact UTF-8 with the keys
in the order they have, so that equal states serialise to equal bytes if they were built in the same order.
"""

from typing import Any

import orjson

SCHEMA_VERSION = 1

loads = orjson.loads
JSONDecodeError = orjson.JSONDecodeError


def dumps(value: Any) -> bytes:
    """Return `value` as compact JSON bytes. Raises `TypeError` for values JSON has no form for."""
    return orjson.dumps(value)


def dumps_sorted(value: Any) -> bytes:
    """Return `value` as JSON with sorted keys: the form in which two equal values have equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
