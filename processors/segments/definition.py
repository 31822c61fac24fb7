"""From JSON to a checked definition: the one parser behind the API, the command line and files under version control.

Every problem of a document is reported at once, each with the place it is at (`where.all[2].op`) and what would be
right. Size and depth are limited before anything is built, so that no document costs more than reading it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from processors.segments import operators
from processors.segments.clauses import (
    All,
    AnyOf,
    Clause,
    Consent,
    Count,
    Definition,
    Happened,
    Metric,
    Not,
    NotFollowed,
    Reference,
    Selector,
    Sum,
    Trait,
    Where,
)
from processors.segments.comparison import number
from processors.segments.durations import parse_duration, write_duration
from processors.segments.fields import NUMERIC, TIMES, metric_type
from processors.segments.operators import closest, shown
from processors.segments.references import reference_problem
from schemas.event import CHANNELS
from schemas.segment import RESERVED_IDS, SEGMENT_ID

MAX_CLAUSES = 1_000
MAX_DEPTH = 50
MAX_CONDITIONS = 50
MAX_COUNT = 1_000
MAX_NAME = 200

_ID = re.compile(SEGMENT_ID)

_KINDS = ("all", "any", "not", "trait", "metric", "event", "segment", "consent")
_KEYS: dict[str, tuple[str, ...]] = {
    "all": ("all",),
    "any": ("any",),
    "not": ("not",),
    "trait": ("trait", "op", "value"),
    "metric": ("metric", "op", "value"),
    "consent": ("consent", "op", "value"),
    "segment": ("segment",),
    "event": ("event", "channel", "where", "count", "sum", "within", "not_followed_by", "for"),
}


class DefinitionProblem(NamedTuple):
    """One thing that is wrong: where it is, and what would be right."""

    path: str
    message: str


class DefinitionError(ValueError):
    """A document that is no definition; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: list[DefinitionProblem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in problems[:5]))


class _Wrong(Exception):
    """A problem at a path, on its way to the list."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.problem = DefinitionProblem(path, message)


class _Limit(_Wrong):
    """A limit was reached: nothing further is read."""


class _Parser:
    def __init__(self) -> None:
        self.problems: list[DefinitionProblem] = []
        self.clauses = 0

    def clause(self, node: Any, path: str, depth: int) -> Clause | None:
        """Return the clause at `path`; None after noting what is wrong with it. Raises `_Limit` beyond a limit."""
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise _Limit(
                path,
                f"the definition has more than {MAX_CLAUSES} clauses: split it into segments that refer to each other",
            )
        if depth > MAX_DEPTH:
            raise _Limit(
                path,
                f"the clauses are nested more than {MAX_DEPTH} deep: split it into segments that refer to each other",
            )
        if not isinstance(node, dict):
            self.problems.append(
                DefinitionProblem(path, f"{shown(node)} is no clause: write an object with one of {_list(_KINDS)}")
            )
            return None
        kinds = [kind for kind in _KINDS if kind in node]
        if len(kinds) != 1:
            unknown = next((closest(key, _KINDS) for key in node if key not in _KINDS and closest(key, _KINDS)), "")
            message = f"a clause has exactly one of {_list(_KINDS)}{unknown}" + (
                f", not {_list(kinds)} together" if kinds else ""
            )
            self.problems.append(DefinitionProblem(path, message))
            return None
        kind = kinds[0]
        try:
            _only(node, _KEYS[kind], path)
            if kind in ("all", "any"):
                return self._many(kind, node[kind], f"{path}.{kind}", depth)
            if kind == "not":
                child = self.clause(node["not"], f"{path}.not", depth + 1)
                return None if child is None else Not(child)
            return _LEAVES[kind](node, path)
        except _Limit:
            raise
        except _Wrong as wrong:
            self.problems.append(wrong.problem)
            return None

    def _many(self, kind: str, nodes: Any, path: str, depth: int) -> Clause | None:
        if not isinstance(nodes, list) or not nodes:
            raise _Wrong(path, f'"{kind}" needs a list with at least one clause')
        children = [self.clause(node, f"{path}[{index}]", depth + 1) for index, node in enumerate(nodes)]
        clauses = tuple(child for child in children if child is not None)
        return All(clauses) if kind == "all" else AnyOf(clauses)


def _list(words: Any) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _only(node: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> None:
    for key in node:
        if key not in allowed:
            raise _Wrong(_join(path, str(key)), f"unknown key{closest(key, allowed)}: here go {_list(allowed)}")


def _join(path: str, key: str) -> str:
    key = key if len(key) <= 60 else key[:57] + "…"
    return f"{path}.{key}" if path else key


def _name(node: Mapping[str, Any], key: str, path: str) -> str:
    value = node.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME:
        raise _Wrong(_join(path, key), f"{shown(value)} is no name: write text of 1 to {MAX_NAME} characters")
    return value


def _op(node: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> str:
    op = node.get("op")
    if op not in allowed:
        said = f"unknown operator {shown(op)}{closest(op, allowed)}" if "op" in node else 'an "op" is needed'
        raise _Wrong(_join(path, "op"), f"{said}: use one of {_list(allowed)}")
    return str(op)


def _checked(check: Callable[[], Any], path: str) -> Any:
    try:
        return check()
    except ValueError as error:
        raise _Wrong(path, str(error)) from None


def _operand(op: str, node: Mapping[str, Any], path: str, *, numeric: bool = False) -> Any:
    return _checked(lambda: operators.operand(op, node, numeric=numeric), _join(path, "value"))


def _trait(node: Mapping[str, Any], path: str) -> Clause:
    name = _name(node, "trait", path)
    op = _op(node, operators.TRAIT_OPS, path)
    return Trait(name, op, _operand(op, node, path))


def _metric(node: Mapping[str, Any], path: str) -> Clause:
    name = _name(node, "metric", path)
    kind = metric_type(name)
    if kind is None:
        known = (*NUMERIC, *TIMES)
        message = f"the profile has no field {shown(name)}{closest(name, known)}: use one of {', '.join(known)}"
        raise _Wrong(_join(path, "metric"), f"{message} (* is a currency, ** a name)")
    if kind == "time" and node.get("op") in operators.NUMBER_OPS and node.get("op") not in operators.PRESENCE:
        raise _Wrong(_join(path, "op"), f"{name} is an instant: use one of {_list(operators.TIME_OPS)}")
    if kind == "number" and node.get("op") in operators.TRAIT_OPS and node.get("op") not in operators.NUMBER_OPS:
        raise _Wrong(_join(path, "op"), f"{name} is a number: use one of {_list(operators.NUMBER_OPS)}")
    op = _op(node, operators.TIME_OPS if kind == "time" else operators.NUMBER_OPS, path)
    return Metric(name, op, _operand(op, node, path, numeric=kind == "number"))


def _consent(node: Mapping[str, Any], path: str) -> Clause:
    purpose = _name(node, "consent", path)
    op = _op(node, operators.CONSENT_OPS, path)
    return Consent(purpose, op, _operand(op, node, path))


def _reference(node: Mapping[str, Any], path: str) -> Clause:
    return Reference(_checked(lambda: check_id(node["segment"]), _join(path, "segment")))


def _selector(node: Mapping[str, Any], path: str) -> Selector:
    event = _name(node, "event", path)
    channel = node.get("channel")
    if "channel" in node and channel not in CHANNELS:
        raise _Wrong(
            _join(path, "channel"),
            f"unknown channel {shown(channel)}{closest(channel, CHANNELS)}: use one of {_list(CHANNELS)}",
        )
    conditions = node.get("where", [])
    if not isinstance(conditions, list) or len(conditions) > MAX_CONDITIONS:
        raise _Wrong(_join(path, "where"), f"write a list of at most {MAX_CONDITIONS} conditions, all of which hold")
    where = tuple(_where(condition, f"{_join(path, 'where')}[{index}]") for index, condition in enumerate(conditions))
    return Selector(event, channel, where)


def _where(node: Any, path: str) -> Where:
    if not isinstance(node, dict):
        raise _Wrong(path, f'{shown(node)} is no condition: write {{"property": …, "op": …, "value": …}}')
    _only(node, ("property", "op", "value"), path)
    name = _name(node, "property", path)
    op = _op(node, operators.TRAIT_OPS, path)
    return Where(name, op, _operand(op, node, path))


def _happened(node: Mapping[str, Any], path: str) -> Clause:
    selector = _selector(node, path)
    within = _duration(node, "within", path) if "within" in node else None
    if "not_followed_by" in node:
        return _not_followed(node, selector, within, path)
    if "for" in node:
        raise _Wrong(_join(path, "for"), '"for" belongs to "not_followed_by"; a window is "within"')
    return Happened(selector, _count(node, path), _sum(node, path), within)


def _not_followed(node: Mapping[str, Any], selector: Selector, within: int | None, path: str) -> Clause:
    for key in ("count", "sum"):
        if key in node:
            raise _Wrong(
                _join(path, key), f'"{key}" and "not_followed_by" do not go together: join two clauses with "all"'
            )
    other, there = node["not_followed_by"], _join(path, "not_followed_by")
    if not isinstance(other, dict):
        raise _Wrong(there, f'{shown(other)} names no event: write {{"event": "Order Completed"}}')
    _only(other, ("event", "channel", "where"), there)
    by = _selector(other, there)
    if "for" not in node:
        raise _Wrong(_join(path, "for"), '"not_followed_by" needs "for": how long nothing has followed, such as 1h')
    delay = _duration(node, "for", path)
    if within is not None and within <= delay:
        message = f'never true: "within" has to be longer than "for" ({write_duration(delay)})'
        raise _Wrong(_join(path, "within"), message)
    return NotFollowed(selector, by, delay, within)


def _duration(node: Mapping[str, Any], key: str, path: str) -> int:
    return int(_checked(lambda: parse_duration(node[key]), _join(path, key)))


def _comparison(
    node: Mapping[str, Any], key: str, allowed: tuple[str, ...], path: str
) -> tuple[Mapping[str, Any], str, str]:
    there = _join(path, key)
    value = node[key]
    if not isinstance(value, dict):
        raise _Wrong(there, f'{shown(value)} is no comparison: write {{"op": "gte", "value": 2}}')
    _only(value, ("op", "value") if key == "count" else ("property", "op", "value"), there)
    return value, there, _op(value, allowed, there)


def _count(node: Mapping[str, Any], path: str) -> Count | None:
    if "count" not in node:
        return None if "sum" in node else Count("gte", 1)
    comparison, there, op = _comparison(node, "count", operators.COUNT_OPS, path)
    value = _operand(op, comparison, there, numeric=True)
    threshold = int(float(value)) if isinstance(value, str | float) else value
    here = _join(there, "value")
    if threshold != number(value) or not 0 <= threshold <= MAX_COUNT:
        raise _Wrong(here, f"{shown(value)} is no possible count: write a whole number from 0 to {MAX_COUNT}")
    if op == "lt" and threshold == 0:
        raise _Wrong(here, 'never true: no count is less than 0; for "not even once" write {"op": "eq", "value": 0}')
    return Count(op, threshold)


def _sum(node: Mapping[str, Any], path: str) -> Sum | None:
    if "sum" not in node:
        return None
    comparison, there, op = _comparison(node, "sum", operators.COUNT_OPS, path)
    return Sum(_name(comparison, "property", there), op, _operand(op, comparison, there, numeric=True))


_LEAVES: dict[str, Callable[[Mapping[str, Any], str], Clause]] = {
    "trait": _trait,
    "metric": _metric,
    "consent": _consent,
    "segment": _reference,
    "event": _happened,
}


def check_id(value: object) -> str:
    """Return a segment's id. Raises `ValueError`, saying what would be right, if it is none."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{shown(value)} is no segment id: write 1 to 64 of a-z, 0-9, _ and -")
    if value in RESERVED_IDS:
        raise ValueError(f'"{value}" is reserved: choose another id')
    return value


def parse_where(node: Any) -> Clause:
    """Return the checked clause of `{"where": …}` alone, as a preview sends it. Raises `DefinitionError`."""
    parser = _Parser()
    try:
        clause = parser.clause(node, "where", 1)
    except _Wrong as wrong:
        raise DefinitionError([wrong.problem]) from None
    if parser.problems or clause is None:
        raise DefinitionError(parser.problems)
    return clause


def _place_of(segment_id: str, node: Mapping[str, Any], path: str) -> str | None:
    """Return the path of the first reference to `segment_id` in a checked clause."""
    if node.get("segment") == segment_id:
        return f"{path}.segment"
    children = [(node["not"], f"{path}.not")] if "not" in node else []
    for kind in ("all", "any"):
        children += [(child, f"{path}.{kind}[{index}]") for index, child in enumerate(node.get(kind, ()))]
    return next((place for child, there in children if (place := _place_of(segment_id, child, there))), None)


def parse(document: Any, known: Mapping[str, Definition] | None = None) -> Definition:
    """Return the checked definition of a JSON document.

    `known` are the other definitions: references to anything else, and cycles, are refused; None leaves references
    unchecked. Raises `DefinitionError` with every problem.
    """
    if not isinstance(document, dict):
        raise DefinitionError(
            [DefinitionProblem("", f'{shown(document)} is no definition: write {{"id": …, "where": …}}')]
        )
    problems: list[DefinitionProblem] = []
    segment_id = name = ""
    try:
        _only(document, ("id", "name", "description", "where"), "")
        segment_id = _checked(lambda: check_id(document.get("id")), "id")
        name = _name(document, "name", "") if "name" in document else segment_id
        if not isinstance(document.get("description", ""), str):
            raise _Wrong("description", "write text")
    except _Wrong as wrong:
        problems.append(wrong.problem)
    if "where" not in document:
        problems.append(DefinitionProblem("where", f"a clause is needed: an object with one of {_list(_KINDS)}"))
        raise DefinitionError(problems)
    try:
        where = parse_where(document["where"])
    except DefinitionError as error:
        raise DefinitionError(problems + error.problems) from None
    if segment_id and (found := reference_problem(segment_id, where, known)):
        reference, message = found
        problems.append(DefinitionProblem(_place_of(reference, document["where"], "where") or "where", message))
    if problems:
        raise DefinitionError(problems)
    return Definition(segment_id, name, where, document)
