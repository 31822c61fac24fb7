"""An explanation of a membership in words, one clause a line. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = {"all": "all of these", "any": "any of these", "not": "not"}


def describe(key: str, found: Mapping[str, Any]) -> list[str]:
    """Return the lines that say why `key` is in a segment or not; `found` is what the API answers."""
    state = "is in" if found["member"] else "is not in"
    lines = [f"{key} {state} {found['segment_id']} (version {found['version']}){_when(found)}."]
    if found["published"]["member"] is not found["member"]:
        lines.append(f"  The stream has said otherwise: {json.dumps(found['published'])}.")
    return lines + list(_clauses(found["where"], 1))


def _clauses(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    kind = next((kind for kind in _WORDS if kind in tree), None)
    said = json.dumps(tree["clause"], ensure_ascii=False) if kind is None else _WORDS[kind]
    yield f"{'  ' * depth}{'yes' if tree['true'] else 'no '} {said}{_when(tree)}"
    if kind is not None:
        for part in [tree["not"]] if kind == "not" else tree[kind]:
            yield from _clauses(part, depth + 1)


def _when(tree: Mapping[str, Any]) -> str:
    parts = []
    if tree["since"]:
        parts.append(f"since {tree['since']}")
    if tree.get("because"):
        parts.append(f"because of event {tree['because']}")
    if tree["changes_at"]:
        parts.append(f"until {tree['changes_at']}")
    return f" ({', '.join(parts)})" if parts else ""
