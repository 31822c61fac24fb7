"""The leaves of a definition, from JSON to checked clauses: one function per kind, raising the first thing wrong."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from processors.segments import operators
from processors.segments.clauses import (
    Clause,
    Consent,
    Count,
    Happened,
    Metric,
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
from processors.segments.problems import Wrong, below, checked, listed, name_at, only_keys, operand_at, operator_at
from schemas.event import CHANNELS
from schemas.segment import RESERVED_IDS, SEGMENT_ID

MAX_CONDITIONS = 50
MAX_COUNT = 1_000

_ID = re.compile(SEGMENT_ID)


def check_id(value: object) -> str:
    """Return a segment's id. Raises `ValueError`, saying what would be right, if it is none."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"{shown(value)} is no segment id: write 1 to 64 of a-z, 0-9, _ and -")
    if value in RESERVED_IDS:
        raise ValueError(f'"{value}" is reserved: choose another id')
    return value


def _trait(node: Mapping[str, Any], path: str) -> Clause:
    name = name_at(node, "trait", path)
    op = operator_at(node, operators.TRAIT_OPS, path)
    return Trait(name, op, operand_at(op, node, path))


def _metric(node: Mapping[str, Any], path: str) -> Clause:
    name = name_at(node, "metric", path)
    kind = metric_type(name)
    if kind is None:
        known = (*NUMERIC, *TIMES)
        message = f"the profile has no field {shown(name)}{closest(name, known)}: use one of {', '.join(known)}"
        raise Wrong(below(path, "metric"), f"{message} (* is a currency, ** a name)")
    if kind == "time" and node.get("op") in operators.NUMBER_OPS and node.get("op") not in operators.PRESENCE:
        raise Wrong(below(path, "op"), f"{name} is an instant: use one of {listed(operators.TIME_OPS)}")
    if kind == "number" and node.get("op") in operators.TRAIT_OPS and node.get("op") not in operators.NUMBER_OPS:
        raise Wrong(below(path, "op"), f"{name} is a number: use one of {listed(operators.NUMBER_OPS)}")
    op = operator_at(node, operators.TIME_OPS if kind == "time" else operators.NUMBER_OPS, path)
    return Metric(name, op, operand_at(op, node, path, numeric=kind == "number"))


def _consent(node: Mapping[str, Any], path: str) -> Clause:
    purpose = name_at(node, "consent", path)
    op = operator_at(node, operators.CONSENT_OPS, path)
    return Consent(purpose, op, operand_at(op, node, path))


def _reference(node: Mapping[str, Any], path: str) -> Clause:
    return Reference(checked(lambda: check_id(node["segment"]), below(path, "segment")))


def _selector(node: Mapping[str, Any], path: str) -> Selector:
    event = name_at(node, "event", path)
    channel = node.get("channel")
    if "channel" in node and channel not in CHANNELS:
        raise Wrong(
            below(path, "channel"),
            f"unknown channel {shown(channel)}{closest(channel, CHANNELS)}: use one of {listed(CHANNELS)}",
        )
    conditions = node.get("where", [])
    if not isinstance(conditions, list) or len(conditions) > MAX_CONDITIONS:
        raise Wrong(below(path, "where"), f"write a list of at most {MAX_CONDITIONS} conditions, all of which hold")
    where = tuple(_where(condition, f"{below(path, 'where')}[{index}]") for index, condition in enumerate(conditions))
    return Selector(event, channel, where)


def _where(node: Any, path: str) -> Where:
    if not isinstance(node, dict):
        raise Wrong(path, f'{shown(node)} is no condition: write {{"property": …, "op": …, "value": …}}')
    only_keys(node, ("property", "op", "value"), path)
    name = name_at(node, "property", path)
    op = operator_at(node, operators.TRAIT_OPS, path)
    return Where(name, op, operand_at(op, node, path))


def _happened(node: Mapping[str, Any], path: str) -> Clause:
    selector = _selector(node, path)
    within = _duration(node, "within", path) if "within" in node else None
    if "not_followed_by" in node:
        return _not_followed(node, selector, within, path)
    if "for" in node:
        raise Wrong(below(path, "for"), '"for" belongs to "not_followed_by"; a window is "within"')
    return Happened(selector, _count(node, path), _sum(node, path), within)


def _not_followed(node: Mapping[str, Any], selector: Selector, within: int | None, path: str) -> Clause:
    for key in ("count", "sum"):
        if key in node:
            raise Wrong(
                below(path, key), f'"{key}" and "not_followed_by" do not go together: join two clauses with "all"'
            )
    other, there = node["not_followed_by"], below(path, "not_followed_by")
    if not isinstance(other, dict):
        raise Wrong(there, f'{shown(other)} names no event: write {{"event": "Order Completed"}}')
    only_keys(other, ("event", "channel", "where"), there)
    by = _selector(other, there)
    if "for" not in node:
        raise Wrong(below(path, "for"), '"not_followed_by" needs "for": how long nothing has followed, such as 1h')
    delay = _duration(node, "for", path)
    if within is not None and within <= delay:
        message = f'never true: "within" has to be longer than "for" ({write_duration(delay)})'
        raise Wrong(below(path, "within"), message)
    return NotFollowed(selector, by, delay, within)


def _duration(node: Mapping[str, Any], key: str, path: str) -> int:
    return int(checked(lambda: parse_duration(node[key]), below(path, key)))


def _comparison(
    node: Mapping[str, Any], key: str, allowed: tuple[str, ...], path: str
) -> tuple[Mapping[str, Any], str, str]:
    there = below(path, key)
    value = node[key]
    if not isinstance(value, dict):
        raise Wrong(there, f'{shown(value)} is no comparison: write {{"op": "gte", "value": 2}}')
    only_keys(value, ("op", "value") if key == "count" else ("property", "op", "value"), there)
    return value, there, operator_at(value, allowed, there)


def _count(node: Mapping[str, Any], path: str) -> Count | None:
    if "count" not in node:
        return None if "sum" in node else Count("gte", 1)
    comparison, there, op = _comparison(node, "count", operators.COUNT_OPS, path)
    value = operand_at(op, comparison, there, numeric=True)
    threshold = int(float(value)) if isinstance(value, str | float) else value
    here = below(there, "value")
    if threshold != number(value) or not 0 <= threshold <= MAX_COUNT:
        raise Wrong(here, f"{shown(value)} is no possible count: write a whole number from 0 to {MAX_COUNT}")
    if op == "lt" and threshold == 0:
        raise Wrong(here, 'never true: no count is less than 0; for "not even once" write {"op": "eq", "value": 0}')
    return Count(op, threshold)


def _sum(node: Mapping[str, Any], path: str) -> Sum | None:
    if "sum" not in node:
        return None
    comparison, there, op = _comparison(node, "sum", operators.COUNT_OPS, path)
    return Sum(name_at(comparison, "property", there), op, operand_at(op, comparison, there, numeric=True))


LEAVES: dict[str, Callable[[Mapping[str, Any], str], Clause]] = {
    "trait": _trait,
    "metric": _metric,
    "consent": _consent,
    "segment": _reference,
    "event": _happened,
}
KEYS: dict[str, tuple[str, ...]] = {
    "trait": ("trait", "op", "value"),
    "metric": ("metric", "op", "value"),
    "consent": ("consent", "op", "value"),
    "segment": ("segment",),
    "event": ("event", "channel", "where", "count", "sum", "within", "not_followed_by", "for"),
}
