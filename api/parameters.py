"""Values of a statement's `{name:Type}` parameters, from JSON to the text in which ClickHouse reads them. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from api.clickhouse import escaped
from api.parameter_values import UnfitError, text_of
from schemas.errors import Problem

MOST_CHARACTERS = 1_000_000
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")
_MEMBER = re.compile(r"`?(\w+)`? +(?=\w)")


def texts(formatted: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of each parameter that a statement names; `formatted` is the statement as ClickHouse writes it.

    Raises `Problem`: invalid for a value that is none of its type, limit-exceeded when all are too long together,
    forbidden for the name of a database that is not ours.
    """
    found: dict[str, str] = {}
    # Without what stands in quotes, a type has neither names of zones nor of enumerated values.
    for name, type_ in _PARAMETER.findall(_QUOTED.sub("''", formatted)):
        if name in values:
            try:
                text = _top(type_.strip(), values[name])
            except UnfitError as error:
                raise Problem("invalid", f"parameters.{name} is {type_}: {error}.") from None
            if found.setdefault(name, text) != text:
                raise Problem("invalid", f"parameters.{name} is of two types that write it otherwise: use two names.")
    if sum(len(text) for text in found.values()) > MOST_CHARACTERS:
        raise Problem(
            "limit-exceeded",
            f"The parameters have more than {MOST_CHARACTERS} characters: ask with fewer values at once.",
            limit="parameters",
            value=MOST_CHARACTERS,
        )
    return found


def _top(type_: str, value: Any) -> str:
    """Return the text of a whole parameter: as in a tab-separated file."""
    head, arguments = _parts(type_)
    if head in ("Nullable", "LowCardinality"):
        return "\\N" if value is None and "Nullable(" in type_ else _top(arguments[0], value)
    if head in _NESTED:
        # Text is ClickHouse's own way of writing it.
        return value if isinstance(value, str) else _NESTED[head](arguments, value)
    return escaped(text_of(head, value)[0])


def _within(type_: str, value: Any) -> str:
    """Return the text of a value within an array, a tuple or a map: as in a statement."""
    head, arguments = _parts(type_)
    if head in ("Nullable", "LowCardinality"):
        return "NULL" if value is None and "Nullable(" in type_ else _within(arguments[0], value)
    if head in _NESTED:
        return _NESTED[head](arguments, value)
    text, quoted = text_of(head, value)
    return "'" + escaped(text).replace("'", "\\'") + "'" if quoted else text


def _array(arguments: list[str], value: Any) -> str:
    if not isinstance(value, list):
        raise UnfitError("give a list")
    return "[" + ",".join(_within(arguments[0], each) for each in value) + "]"


def _tuple(arguments: list[str], value: Any) -> str:
    named = [_MEMBER.match(each) for each in arguments]
    types = [each if name is None else each[name.end() :] for each, name in zip(arguments, named, strict=True)]
    if isinstance(value, dict):
        value = [value[name[1]] for name in named if name is not None and name[1] in value]
    if not isinstance(value, list) or len(value) != len(types):
        raise UnfitError(f"give a list of {len(types)}")
    return "(" + ",".join(_within(type_, each) for type_, each in zip(types, value, strict=True)) + ")"


def _map(arguments: list[str], value: Any) -> str:
    if not isinstance(value, dict):
        raise UnfitError("give an object")
    pairs = (f"{_within(arguments[0], key)}:{_within(arguments[1], each)}" for key, each in value.items())
    return "{" + ",".join(pairs) + "}"


_NESTED: Mapping[str, Callable[[list[str], Any], str]] = {"Array": _array, "Tuple": _tuple, "Map": _map}


def _parts(type_: str) -> tuple[str, list[str]]:
    """Return a type's name and its arguments: `Map(String, Array(UInt8))` is `Map`, `[String, Array(UInt8)]`."""
    head, opening, rest = type_.strip().partition("(")
    if not opening:
        return head, []
    arguments, depth, start = [], 0, 0
    inner = rest.rstrip().removesuffix(")")
    for place, character in enumerate(inner):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            arguments.append(inner[start:place].strip())
            start = place + 1
    last = inner[start:].strip()
    return head.strip(), [*arguments, last] if last else arguments
