"""What can be wrong with a definition: where, and what would be right; and the checks that every part of one shares."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from processors.segments import operators
from processors.segments.operators import closest, shown

MAX_NAME = 200


class DefinitionProblem(NamedTuple):
    """One thing that is wrong: where it is, and what would be right."""

    path: str
    message: str


class DefinitionError(ValueError):
    """A document that is no definition; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: list[DefinitionProblem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in problems[:5]))


class Wrong(Exception):
    """A problem at a path, on its way to the list."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.problem = DefinitionProblem(path, message)


def listed(words: Iterable[str]) -> str:
    """Return words as an error lists them."""
    return ", ".join(f'"{word}"' for word in words)


def only_keys(node: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> None:
    """Refuse keys that this part of a definition does not have."""
    for key in node:
        if key not in allowed:
            raise Wrong(below(path, str(key)), f"unknown key{closest(key, allowed)}: here go {listed(allowed)}")


def below(path: str, key: str) -> str:
    """Return the path of a key below a path."""
    key = key if len(key) <= 60 else key[:57] + "…"
    return f"{path}.{key}" if path else key


def name_at(node: Mapping[str, Any], key: str, path: str) -> str:
    """Return the name under a key: text that is neither blank nor endless."""
    value = node.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME:
        raise Wrong(below(path, key), f"{shown(value)} is no name: write text of 1 to {MAX_NAME} characters")
    return value


def operator_at(node: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> str:
    """Return the operator, one of `allowed`."""
    op = node.get("op")
    if op not in allowed:
        said = f"unknown operator {shown(op)}{closest(op, allowed)}" if "op" in node else 'an "op" is needed'
        raise Wrong(below(path, "op"), f"{said}: use one of {listed(allowed)}")
    return str(op)


def checked(check: Callable[[], Any], path: str) -> Any:
    """Return what `check` returns; its `ValueError` is a problem at `path`."""
    try:
        return check()
    except ValueError as error:
        raise Wrong(path, str(error)) from None


def operand_at(op: str, node: Mapping[str, Any], path: str, *, numeric: bool = False) -> Any:
    """Return the checked value of an operator."""
    return checked(lambda: operators.operand(op, node, numeric=numeric), below(path, "value"))
