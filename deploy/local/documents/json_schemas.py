"""`docs/schemas/*.json`: JSON Schemas of the topics' values, and of a segment's definition, from `schemas/`."""

import json
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from schemas import records
from schemas.event import CHANNELS, CanonicalEvent
from schemas.profile import Order, Profile
from schemas.segment import SegmentDefinition

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Value(NamedTuple):
    """What a topic's records hold, and the file that describes it."""

    file: str
    type: Any


# Topic (without prefix) -> its values. State, evidence and inbox are their writers' own.
VALUES: dict[str, Value] = {
    **{f"events.{channel}": Value("event.json", CanonicalEvent) for channel in CHANNELS},
    "events.rejected": Value("dead_letter.json", records.DeadLetter),
    "identity.assignments": Value("assignment.json", records.Assignment),
    "identity.decisions": Value("decision.json", records.Decision),
    "profiles.changelog": Value("profile.json", Profile),
    "orders.changelog": Value("order.json", Order),
    "segments.definitions": Value("definition_record.json", records.DefinitionRecord),
    "segments.progress": Value("segment_progress.json", records.SegmentProgress),
    "segments.changes": Value("segment_change.json", records.SegmentChange),
}


def documents() -> dict[str, str]:
    """Return every schema, each a document of its own."""
    values = {*VALUES.values(), Value("segment_definition.json", SegmentDefinition)}
    return {
        f"schemas/{value.file}": json.dumps(schema_of(value.type), indent=2, ensure_ascii=False) + "\n"
        for value in sorted(values, key=lambda value: value.file)
    }


def schema_of(type_: Any) -> dict[str, Any]:
    """Return the JSON Schema of a model or a typed dictionary, as values are written."""
    return {"$schema": _DIALECT, **TypeAdapter(type_).json_schema(mode="serialization", by_alias=True)}
