"""The GA4 Measurement Protocol: `{client_id, user_id, timestamp_micros, user_properties, events: [{name, params}]}`.

https://developers.google.com/analytics/devguides/collection/protocol/ga4
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from ingest.measurement.ecommerce import stated
from ingest.measurement.names import EVENTS, PAGE, SCREEN
from ingest.measurement.visitor import Visitor, message_id, visitor_of
from ingest.vendors.delivery import Message
from ingest.vendors.reading import at, compact, first, instant, obj, rows, text

# What the tag measures for Google's reports.
_GOOGLE_S: Final = frozenset({"engagement_time_msec", "debug_mode", "session_engaged", "event_id"})


def protocol_messages(body: Mapping[str, Any], raw: bytes) -> list[Message]:
    """Return the messages of one request, in its order; whatever is of another shape is left out.

    A request that states a time has the same messages however often it is sent (`raw` are its bytes).
    """
    visitor = visitor_of(body)
    common = _time(body.get("timestamp_micros"))
    request_id = sha256(raw).hexdigest()
    messages: list[Message] = []
    traits = compact({key: at(value, "value") for key, value in obj(body, "user_properties").items()})
    if traits:
        own = message_id(None, f"{request_id}:traits" if common else None, 0)
        messages.append(visitor.message("identify", None, traits, common, own))
    for number, event in enumerate(rows(body, "events")):
        happened = _time(event.get("timestamp_micros")) or common
        scope = f"{request_id}:{number}" if happened else None
        messages += event_messages(visitor, text(event, "name"), obj(event, "params"), happened, scope)
    return messages


def event_messages(
    visitor: Visitor, name: str | None, parameters: Mapping[str, Any], happened: str | None, request_id: str | None
) -> list[Message]:
    """Return the messages that one event of Google's is."""
    own = first(text(parameters, "event_id"), text(parameters, "messageId"))
    said = {key: value for key, value in parameters.items() if key not in _GOOGLE_S}
    if name in (PAGE, SCREEN):
        (properties,) = stated(None, said)
        title = first(text(said, "screen_name"), text(said, "page_title"))
        type_ = "page" if name == PAGE else "screen"
        return [visitor.message(type_, title, properties, happened, message_id(own, request_id, 0))]
    event = EVENTS.get(name or "", name)
    return [
        visitor.message("track", event, properties, happened, message_id(own, request_id, number))
        for number, properties in enumerate(stated(event, said))
    ]


def _time(micros: Any) -> str | None:
    digits = text(micros)
    if digits is None or not digits.isdigit() or len(digits) > 17:
        return None
    return instant(int(digits) // 1000)
