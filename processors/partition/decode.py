"""Reading a record of an event topic: the one place where the worker meets JSON that it did not write."""

from typing import Any

from schemas.codec import JSONDecodeError, loads
from schemas.event import CHANNELS, EVENT_TYPES
from schemas.identifier import PLACE
from schemas.times import EARLIEST, LATEST, to_millis

# An event, when it happened, when it was received (ms), and the 16 bytes of its id.
Decoded = tuple[dict[str, Any], int, int, bytes]

_OBJECTS = ("properties", "traits", "context")


def decode(value: bytes) -> Decoded | str:
    """Return an event with its times in ms, or what is wrong with it: then it is a dead letter, and costs no other.

    What the collector writes passes; the rest is for whoever else writes to the topics, which are public.
    """
    try:
        event = loads(value)
        occurred, received = to_millis(event["occurred_at"]), to_millis(event["received_at"])
        event_id = bytes.fromhex(event["event_id"].replace("-", ""))
        if len(event_id) != 16:
            return "`event_id` is no UUID."
        for name in _OBJECTS:
            if not isinstance(event.setdefault(name, {}), dict):
                return f"`{name}` is not an object."
        if not event["identifiers"]:
            return "`identifiers` is empty."
        for each in event["identifiers"]:
            if each["type"].partition(":")[0] not in PLACE or type(each["value"]) is not str:
                return "`identifiers` is not a list of known types and values."
        if event["type"] not in EVENT_TYPES or event["channel"] not in CHANNELS:
            return "`type` or `channel` is none that there is."
        if not (type(event["seed"]) is type(event["message_id"]) is type(event["source"]) is str):
            return "`seed`, `message_id` and `source` have to be text."
    except JSONDecodeError:
        return "The record is not JSON."
    except KeyError as error:
        return f"`{error.args[0]}` is missing."
    except (AttributeError, TypeError, ValueError):
        return "The record is not shaped like a canonical event."
    if event.setdefault("event", None) is not None and type(event["event"]) is not str:
        return "`event` is not text."
    if not EARLIEST <= occurred <= LATEST or received < 0:
        return "`occurred_at` or `received_at` lies outside the years 1900 to 2299."
    return event, occurred, received, event_id
