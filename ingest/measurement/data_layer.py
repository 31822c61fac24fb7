"""GTM's `dataLayer`: what pages push for their tags, e-commerce of GA4 and of Universal Analytics alike.

A tag posts one push, or the whole layer as `{"client_id", "user_id", "dataLayer": [pushes]}`.
https://developers.google.com/tag-platform/tag-manager/datalayer
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.measurement.ecommerce import action
from ingest.measurement.names import ACTIONS, EVENTS
from ingest.measurement.protocol import event_messages
from ingest.measurement.visitor import Visitor, message_id, visitor_of
from ingest.vendors.delivery import Message
from ingest.vendors.reading import at, instant, obj, text

# What GTM pushes itself, and what says who it is rather than what happened.
_OWN: Final = frozenset({"event", "ecommerce", "client_id", "clientId", "user_id", "userId", "user_data", "timestamp"})


def is_data_layer(body: Mapping[str, Any]) -> bool:
    """Tell whether a body is a push or a whole layer, and no request of the Measurement Protocol."""
    return "events" not in body and ("dataLayer" in body or "event" in body or "ecommerce" in body)


def data_layer_messages(body: Mapping[str, Any]) -> list[Message]:
    """Return what the pushes say, in their order; pushes that only set variables say nothing."""
    visitor = visitor_of(body)
    pushes = body.get("dataLayer")
    if not isinstance(pushes, list):
        return _push(body, visitor)
    return [message for push in pushes for message in _push(push, visitor)]


def _push(push: Any, visitor: Visitor) -> list[Message]:
    command = _command(push)
    if command is not None:
        name, parameters = command
        return event_messages(visitor, name, parameters, None, None)
    if not isinstance(push, Mapping):
        return []
    name, ecommerce = text(push, "event"), obj(push, "ecommerce")
    happened = instant(push.get("timestamp"))
    own = text(push, "event_id")
    actions = [key for key in ACTIONS if isinstance(ecommerce.get(key), Mapping | list)]
    if actions:
        said = [(ACTIONS[key], each) for key in actions for each in action(ACTIONS[key], ecommerce, key)]
        return [
            visitor.message("track", event, properties, happened, message_id(own, None, number))
            for number, (event, properties) in enumerate(said)
        ]
    if name is None or name.startswith("gtm."):
        return []
    rest = {key: value for key, value in push.items() if key not in _OWN and not key.startswith("gtm.")}
    # A page's own events may carry e-commerce under names that only its tags know.
    parameters = {**rest, **ecommerce} if name in EVENTS or ecommerce else rest
    return event_messages(visitor, name, parameters, happened, None)


def _command(push: Any) -> tuple[str | None, Mapping[str, Any]] | None:
    """Return name and parameters of `gtag("event", name, parameters)`, which JSON writes as a list or as an object of
    numbers."""
    words = push if isinstance(push, list) else [at(push, str(number)) for number in range(3)]
    if not words or words[0] != "event":
        return None
    return text(at(words, 1)), obj(at(words, 2))
