"""Traits: what a person's `identify` calls say, the last write winning per key.

The section is a list of layers `[t, message_id, event_id, {key: value}]`, oldest first: of each `identify` call the
keys that no later call has written. Null is a write too, the tombstone of its key; empty text is a value like any
other. A value is replaced whole, also when it is an object.
"""

from collections.abc import Iterable
from typing import Any, Final

from schemas.codec import dumps

Layers = list[list[Any]]

MAX_KEYS: Final = 300
MAX_BYTES: Final = 64 * 1024
# Traits that have a section of their own.
_ELSEWHERE: Final = "consent"


def check_traits(event: dict[str, Any]) -> str | None:
    """Return why this event's traits are refused (dead letter `too_many_traits`), or None where they are not."""
    traits = event["traits"]
    if not traits or event["type"] != "identify":
        return None
    if len(traits) > MAX_KEYS:
        return f"The event has {len(traits)} traits; at most {MAX_KEYS} are kept."
    size = len(dumps(traits))
    if size > MAX_BYTES:
        return f"The event's traits take {size} bytes; at most {MAX_BYTES} are kept."
    return None


def layer_of(event: dict[str, Any], t: int) -> list[Any] | None:
    """Return what an `identify` event writes, or None where it writes nothing."""
    traits = dict(event["traits"])
    traits.pop(_ELSEWHERE, None)
    return [t, event["message_id"], event["event_id"], traits] if traits else None


def add(layers: Layers, layer: list[Any]) -> None:
    """Take in one layer, in place."""
    mark, written = layer[:3], layer[3]
    at = len(layers)
    while at and layers[at - 1][:3] > mark:
        at -= 1
        for key in layers[at][3].keys() & written.keys():
            del written[key]
    if not written:
        return
    for older in layers[:at]:
        values = older[3]
        for key in written:
            values.pop(key, None)
    layers.insert(at, layer)
    if at:
        layers[:at] = [older for older in layers[:at] if older[3]]


def merged(many: Iterable[Layers]) -> Layers:
    """Return the layers of all of them, as one list. The arguments stay as they are."""
    taken: set[str] = set()
    result: Layers = []
    for layer in sorted((layer for layers in many for layer in layers), key=_mark, reverse=True):
        values = layer[3]
        if not taken.isdisjoint(values):
            values = {key: value for key, value in values.items() if key not in taken}
            layer = [*layer[:3], values]
        if values:
            taken.update(values)
            result.append(layer)
    result.reverse()
    return result


def shown(layers: Layers) -> dict[str, Any]:
    """Return the traits, by key."""
    values = {key: value for layer in layers for key, value in layer[3].items() if value is not None}
    return dict(sorted(values.items()))


def _mark(layer: list[Any]) -> list[Any]:
    return layer[:3]
