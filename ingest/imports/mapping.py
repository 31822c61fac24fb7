"""The mapping file of an import: which column of a row becomes which field of an event.

Pure: the same row on the same line gives the same message, with the same message id, so that an import that runs twice
adds nothing the second time. `docs/importing.md` explains the file to those who write one.
"""

from datetime import tzinfo
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ingest.imports.fields import Message, Row, cell, names_somebody, place_of, put
from ingest.imports.rows import Format
from ingest.imports.values import CellError, ValueType, convert, instant
from schemas.codec import dumps_sorted
from schemas.errors import KithError
from schemas.event import EVENT_TYPES, EventType
from schemas.identifier import uuid5_text
from schemas.plain_yaml import load

Place = Annotated[str, BeforeValidator(place_of)]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """Where the cells of a column go; `values` replaces some of them, null leaves them out."""

    to: Annotated[tuple[Place, ...], BeforeValidator(_listed)] = Field(min_length=1)
    type: ValueType = "text"
    values: dict[str, Any] = Field(default_factory=dict)


def _column(value: Any) -> Any:
    return {"to": value} if isinstance(value, str | list) else value


Columns = dict[str, Annotated[Column, BeforeValidator(_column)]]


class When(_Part):
    """The column that says when, or one instant for all rows; `zone` is that of times which name none."""

    column: str | None = None
    at: str | None = None
    format: str = "iso"
    zone: str = "UTC"

    @model_validator(mode="after")
    def _complete(self) -> "When":
        if (self.column is None) == (self.at is None):
            raise ValueError("write `column` (the column that says when) or `at` (one time for all rows)")
        zone = self.tzinfo
        if self.at is not None:
            try:
                instant(self.at, self.format, zone)
            except CellError as error:
                raise ValueError(str(error)) from None
        return self

    @cached_property
    def tzinfo(self) -> tzinfo:
        """Return the zone. Raises `ValueError` when there is none of that name."""
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {self.zone!r}: write one such as Europe/Paris or UTC") from None

    def of(self, row: Row) -> str:
        """Return when a row happened, ISO 8601 UTC. Raises `CellError`."""
        value = self.at if self.column is None else cell(row, self.column)
        if value is None:
            raise CellError(f"the column {self.column!r} is empty: when did it happen?")
        return instant(value, self.format, self.tzinfo)


class Named(_Part):
    """What a row with a certain event name becomes, with columns and constants that only such rows have."""

    type: EventType
    name: str | None = None
    columns: Columns = Field(default_factory=dict)
    constants: dict[Place, Any] = Field(default_factory=dict)


def _named(value: Any) -> Any:
    if isinstance(value, str):
        return {"type": "track", "name": value}
    if isinstance(value, dict) and len(kinds := [kind for kind in EVENT_TYPES if kind in value]) == 1:
        rest = {key: item for key, item in value.items() if key != kinds[0]}
        return {"type": kinds[0], "name": value[kinds[0]], **rest}
    raise ValueError(f"write an event's name, or exactly one of {', '.join(EVENT_TYPES)} with its name")


class Events(_Part):
    """The column that names the event, and what each of its values becomes; others are track events of that name."""

    column: str
    names: dict[str, Annotated[Named, BeforeValidator(_named)]] = Field(default_factory=dict)


class Mapping(_Part):
    """One mapping file."""

    format: Format | None = Field(None, description="Default: by the file's name.")
    encoding: str = "utf-8-sig"
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    type: EventType = "track"
    time: When
    message_id: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="Columns whose values together name a row; default: its content and its line."
    )
    columns: Columns = Field(default_factory=dict)
    constants: dict[Place, Any] = Field(default_factory=dict)
    events: Events | None = None

    def message(self, row: Row, line: int) -> Message:
        """Return the message of the row on `line`. Raises `CellError`, with what is wrong, when it makes none."""
        message: Message = {"type": self.type}
        for place, value in self.constants.items():
            put(message, place, value)
        fill(message, self.columns, row)
        if self.events is not None:
            self._name(message, self.events, row)
        if message["type"] == "track" and not message.get("event"):
            raise CellError("the row has no event name: map a column to `event`, or set `events`")
        if not names_somebody(message):
            raise CellError("the row names nobody: every column that is mapped to an identifier is empty")
        message["timestamp"] = self.time.of(row)
        message["messageId"] = self._message_id(row, line)
        return message

    def named_columns(self) -> list[str]:
        """Return every column that the mapping names, in its order."""
        found = [*self.columns, *self.message_id]
        found += [self.time.column] if self.time.column else []
        if self.events is not None:
            found += [self.events.column, *(name for named in self.events.names.values() for name in named.columns)]
        return list(dict.fromkeys(found))

    def _name(self, message: Message, events: Events, row: Row) -> None:
        value = cell(row, events.column)
        if value is None:
            raise CellError(f"the column {events.column!r} is empty: what happened?")
        named = events.names.get(str(value)) or Named(type="track", name=str(value))
        message["type"] = named.type
        if named.name:
            message["event" if named.type == "track" else "name"] = named.name
        for place, constant in named.constants.items():
            put(message, place, constant)
        fill(message, named.columns, row)

    def _message_id(self, row: Row, line: int) -> str:
        if not self.message_id:
            return uuid5_text(f"import:{line}:{dumps_sorted(row).decode()}")
        values = [cell(row, column) for column in self.message_id]
        if any(value is None for value in values):
            raise CellError(f"a column of the message id is empty: {', '.join(self.message_id)}")
        return uuid5_text(f"import:{dumps_sorted(values).decode()}")


def fill(message: Message, columns: Columns, row: Row) -> None:
    """Put the cells of `columns` where they belong. Raises `CellError`, naming the column, for what cannot be read."""
    for name, column in columns.items():
        value = cell(row, name)
        if column.values and str(value) in column.values:
            value = column.values[str(value)]
        if value is None:
            continue
        try:
            value = convert(value, column.type)
        except CellError as error:
            raise CellError(f"{name}: {error}") from None
        for place in column.to:
            put(message, place, value)


def parse_mapping(text: str, name: str) -> Mapping:
    """Return the mapping of a YAML document; `name` is for messages.

    Raises `KithError` with one line per fault: where it is, what is wrong and what would be right.
    """
    document = load(text, name)
    if not isinstance(document, dict):
        raise KithError(f"{name} must be a mapping with `time`, `columns` and `events`: see docs/importing.md.")
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        faults = [_sentence(detail) for detail in error.errors(include_input=False, include_url=False)]
        raise KithError("\n".join(f"{name}: {fault}" for fault in faults)) from error


def _sentence(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
