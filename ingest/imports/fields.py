"""The fields of a message and the cells of a row: where a value may come from, and where it may go.

Pure; what a mapping file (`ingest.imports.mapping`) is made of.
"""

from collections.abc import Mapping as Map
from typing import Any, Final

Row = Map[str, Any]
Message = dict[str, Any]
# Where a value may go, as Segment names it; `externalIds.<type>` adds an external id.
FIELDS: Final = ("userId", "anonymousId", "previousId", "groupId", "event", "name")
OBJECTS: Final = ("properties", "traits", "context", "integrations", "externalIds")


def place_of(text: str) -> str:
    """Return `text` when it is the place of a field; raise `ValueError`, saying what would be, when it is none."""
    head, _, rest = text.partition(".")
    if (head in FIELDS and not rest) or (head in OBJECTS and rest):
        return text
    fields, objects = ", ".join(FIELDS), ", ".join(OBJECTS)
    raise ValueError(f"{text!r} is no field: write one of {fields}, or <object>.<key> with {objects}")


def cell(row: Row, column: str) -> Any:
    """Return a row's value, None where it is empty; `a.b` also finds `b` inside of an object `a`."""
    value = row.get(column)
    if value is None and "." in column:
        value = row
        for key in column.split("."):
            value = value.get(key) if isinstance(value, dict) else None
    return None if isinstance(value, str) and not value.strip() else value


def put(message: Message, place: str, value: Any) -> None:
    """Set the field at `place`, making the objects around it."""
    head, _, rest = place.partition(".")
    if not rest:
        message[head] = value
        return
    if head == "externalIds":
        external = {"type": rest, "id": value, "collection": "users", "encoding": "none"}
        message.setdefault("context", {}).setdefault("externalIds", []).append(external)
        return
    *path, last = rest.split(".")
    inner: Any = message.setdefault(head, {})
    for key in path:
        inner = inner.setdefault(key, {})
    inner[last] = value


def names_somebody(message: Message) -> bool:
    """Tell whether anything in the message may be an identifier; the collector decides whether it is one."""
    if any(message.get(field) is not None for field in ("userId", "anonymousId")):
        return True
    context = message.get("context", {})
    if "externalIds" in context or "id" in context.get("device", {}):
        return True
    holders = (message.get("traits", {}), message.get("properties", {}), context.get("traits", {}))
    return any(key in holder for holder in holders for key in ("email", "phone", "loyalty_id"))
