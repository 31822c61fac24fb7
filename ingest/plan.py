"""A tracking plan: which events a source may send, and what each must look like, as JSON Schema.

Pure. A plan is a YAML (or JSON) file with a version; `violations` says what is wrong with an event, field by field, and
never quotes what somebody sent. What becomes of an event that breaks its plan, the source's `plan` setting says.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

from jsonschema_rs import ValidationError as SchemaError
from jsonschema_rs import Validator, validator_for
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.errors import KithError
from schemas.event import EventType
from schemas.plain_yaml import load

# Fields of one event that are told; an event with more of them is wrong altogether.
MOST: Final = 10
# What stands in a message for what somebody sent.
_VALUE: Final = "the value"

Schema = dict[str, Any]


class Violation(NamedTuple):
    """One fault of an event: the field's path (a JSON pointer from the event's root), and what it should be."""

    path: str
    message: str


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Rule(BaseModel):
    """What one event must look like: a JSON Schema for each of its objects that matters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = ""
    properties: Schema | None = None
    traits: Schema | None = None
    context: Schema | None = None


class Document(BaseModel):
    """A plan's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(ge=1, description="Grows with every change.")
    sources: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="Sources that follow it; default: the one that the file is named for."
    )
    unplanned: Literal["allow", "forbid"] = Field("allow", description="Events that the plan does not name.")
    events: dict[str, Rule] = Field(default_factory=dict, description="Track events by name, screens and pages too.")
    types: dict[EventType, Rule] = Field(
        default_factory=dict, description="Rules for events that no name has one for, by type."
    )
    definitions: dict[str, Schema] = Field(
        default_factory=dict, description="Schemas that others refer to: `$ref: '#/$defs/<name>'`."
    )


class Plan:
    """A plan in force: its version, and one compiled schema per rule. Raises `KithError` for a schema that is none."""

    def __init__(self, document: Document, name: str) -> None:
        self.version = document.version
        self.document = document
        self._forbid = document.unplanned == "forbid"
        shared = document.definitions
        self._events = {key: _compiled(rule, shared, f"{name}: {key}") for key, rule in document.events.items()}
        self._types = {key: _compiled(rule, shared, f"{name}: {key}") for key, rule in document.types.items()}

    def violations(self, event: Mapping[str, Any]) -> Sequence[Violation]:
        """Return what is wrong with a canonical event, at most `MOST` faults; nothing where it follows the plan."""
        validator = self._events.get(event["event"] or "") or self._types.get(event["type"])
        if validator is None:
            return [_unplanned(event)] if self._forbid else ()
        try:
            if validator.is_valid(event):
                return ()
            return _told(validator.iter_errors(event))
        except ValueError:
            return [Violation("", "nests too deep to be checked")]


def parse_plan(text: str, name: str) -> Plan:
    """Return the plan of a YAML or JSON document; `name` is for messages.

    Raises `KithError` with one line per fault: where it is and what is wrong.
    """
    document = load(text, name)
    if not isinstance(document, dict):
        raise KithError(f"{name} must be a mapping with `version` and `events`: see docs/tracking-plan.md.")
    try:
        return Plan(Document.model_validate(document), name)
    except ValidationError as error:
        faults = [f"{name}: {_sentence(detail)}" for detail in error.errors(include_input=False, include_url=False)]
        raise KithError("\n".join(faults)) from error


def _compiled(rule: Rule, definitions: Mapping[str, Schema], name: str) -> Validator:
    parts = {key: part for key in ("properties", "traits", "context") if (part := getattr(rule, key)) is not None}
    try:
        # Offline: a plan may not make the collector read files or ask the network.
        return validator_for(
            {"properties": parts, "$defs": dict(definitions)}, mask=_VALUE, offline=True, validate_formats=True
        )
    except (SchemaError, ValueError) as error:
        place = "/".join(map(str, getattr(error, "instance_path", ())))
        raise KithError(f"{name}: {place or 'its schema'}: {getattr(error, 'message', error)}") from error


def _told(errors: Any) -> list[Violation]:
    found: list[Violation] = []
    for error in errors:
        for field in _fields(error):
            path = "".join(f"/{_pointer(step)}" for step in [*error.instance_path, *field])
            found.append(Violation(path, error.message))
            if len(found) == MOST:
                return found
    return found


def _fields(error: SchemaError) -> list[list[str]]:
    """Return which fields of the object at the error's path it is about; the object itself where it is about that."""
    if error.kind.name == "required":
        return [[str(error.kind.value)]]
    if error.kind.name in ("additionalProperties", "unevaluatedProperties"):
        return [[str(field)] for field in error.kind.value]
    return [[]]


def _pointer(step: object) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def _unplanned(event: Mapping[str, Any]) -> Violation:
    path = "/event" if event["event"] else "/type"
    return Violation(path, f"the plan names no such {event['type']}")


def _sentence(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}" if place else str(detail["msg"])
