"""A tracking plan proposed from events: what every event of a name had is required, what was seen is its type.

Pure, and the same for the same events in any order. It is a proposal: a person strikes out what is chance, and narrows
what is too wide.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Fewer events say nothing about what is required, or about which values there are.
ENOUGH: Final = 5
ENOUGH_FOR_VALUES: Final = 50
# As many different short texts are a choice; more are free text.
MOST_VALUES: Final = 10
_LONGEST_VALUE: Final = 40
# A key per person or product is data, not a field.
MOST_FIELDS: Final = 100
_PARTS: Final = ("properties", "traits")


@dataclass
class Shape:
    """What was seen at one place: how often, of which JSON types, and what lay inside."""

    count: int = 0
    types: dict[str, int] = field(default_factory=dict)
    fields: dict[str, "Shape"] = field(default_factory=dict)
    items: "Shape | None" = None
    values: set[str] = field(default_factory=set)

    def add(self, value: Any) -> None:
        """See one value."""
        self.count += 1
        type_ = _type(value)
        self.types[type_] = self.types.get(type_, 0) + 1
        if type_ == "object":
            for key, inner in value.items():
                self.fields.setdefault(key, Shape()).add(inner)
        elif type_ == "array":
            self.items = self.items or Shape()
            for inner in value:
                self.items.add(inner)
        elif type_ == "string" and len(self.values) <= MOST_VALUES:
            self.values.add(value[: _LONGEST_VALUE + 1])

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of everything that was seen here."""
        types = sorted(self.types)
        if "number" in types and "integer" in types:
            types.remove("integer")
        made: dict[str, Any] = {}
        if types:
            made["type"] = types[0] if len(types) == 1 else types
        if types == ["string"] and self._is_choice():
            made["enum"] = sorted(self.values)
        if "object" in types and len(self.fields) <= MOST_FIELDS:
            seen = self.types["object"]
            required = sorted(key for key, inner in self.fields.items() if inner.count == seen)
            if required and seen >= ENOUGH:
                made["required"] = required
            if self.fields:
                made["properties"] = {key: inner.schema() for key, inner in sorted(self.fields.items())}
        if self.items is not None and self.items.count:
            made["items"] = self.items.schema()
        return made

    def _is_choice(self) -> bool:
        few = 0 < len(self.values) <= MOST_VALUES and all(len(value) <= _LONGEST_VALUE for value in self.values)
        return few and self.count >= ENOUGH_FOR_VALUES and self.count >= 10 * len(self.values)


def infer(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a plan's document that all of these canonical events follow."""
    names: dict[tuple[str, str], dict[str, Shape]] = {}
    for event in events:
        of_name = ("events", event["event"]) if event["event"] else ("types", event["type"])
        parts = names.setdefault(of_name, {})
        for part in _PARTS:
            parts.setdefault(part, Shape()).add(event[part])
    document: dict[str, Any] = {"version": 1, "unplanned": "allow", "events": {}, "types": {}}
    for (section, name), parts in sorted(names.items()):
        rule = {part: schema for part, shape in parts.items() if (schema := shape.schema()).get("properties")}
        document[section][name] = rule
    return document


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"
