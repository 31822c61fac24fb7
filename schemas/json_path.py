"""JSONPath (RFC 9535) in mappings: checked when a mapping is loaded, read from any JSON without ever failing.

A text that is `$` or begins with `$.` or `$[` is a path; everything else is a constant. An object with the key `$each`
stands for a list: one object for each match of that path, whose own paths begin at the match.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

EACH: Final = "$each"
# Strict: the RFC's language only, so that a mapping means the same everywhere.
_ENVIRONMENT: Final = JSONPathEnvironment(strict=True)


def is_path(value: Any) -> bool:
    """Tell whether a value of a mapping is a path and no constant."""
    return isinstance(value, str) and (value == "$" or value.startswith(("$.", "$[")))


def check(value: Any) -> None:
    """Raise `ValueError`, with a sentence that names the path and its fault, for the first wrong path in a mapping."""
    if isinstance(value, Mapping):
        if EACH in value and not is_path(value[EACH]):
            raise ValueError(f"{EACH} must be a JSONPath such as $.lines[*], not {value[EACH]!r}")
        for each in value.values():
            check(each)
    elif isinstance(value, list | tuple):
        for each in value:
            check(each)
    elif is_path(value):
        try:
            _compiled(value)
        except JSONPathError as error:
            fault = str(error).partition("\n")[0]
            raise ValueError(f"{value!r} is no JSONPath: {fault}; write for example $.order.lines[0].sku") from None


def value_of(spec: Any, content: Any) -> Any:
    """Return what a value of a mapping stands for in `content`; None for a path that leads nowhere.

    A path that can match only once gives what it matches; one with wildcards, slices, filters or `..` gives the list of
    its matches. `spec` was checked before.
    """
    if is_path(spec):
        path = _compiled(spec)
        matches = _matches(path, content)
        return matches if not path.singular_query() else matches[0] if matches else None
    if isinstance(spec, Mapping):
        if EACH in spec:
            inner = {key: value for key, value in spec.items() if key != EACH}
            return [value_of(inner, match) for match in _matches(_compiled(spec[EACH]), content)]
        return {key: value_of(value, content) for key, value in spec.items()}
    if isinstance(spec, list | tuple):
        return [value_of(value, content) for value in spec]
    return spec


def _matches(path: JSONPath, content: Any) -> list[Any]:
    try:
        return list(path.findall(content)) if isinstance(content, list | dict) else []
    except (JSONPathError, RecursionError):
        # Nested deeper than the library descends: nothing is found there.
        return []


@lru_cache(maxsize=1024)
def _compiled(text: str) -> JSONPath:
    path = _ENVIRONMENT.compile(text)
    if not isinstance(path, JSONPath):
        raise JSONPathError("one path is wanted")
    return path
