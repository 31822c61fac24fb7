"""From a delivery's JSON to messages: what the routes, replays, polling and `kith source try` all call.

Pure. What no vendor's module understands is `Unfit` with the whole delivery in it, so that nothing is lost and
the dead letter can be replayed once it is understood.
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.canonical import MESSAGE_ID_CHARACTERS, Unfit
from ingest.vendors.delivery import Erasure, Message, Topic, Unknown
from ingest.vendors.registry import VENDORS
from processors.identity.normalise import normalise
from schemas.event import Channel
from schemas.identifier import uuid5_text
from schemas.source import Source

# The type of a dead letter's payload that holds a whole delivery instead of a message.
DELIVERY_TYPE: Final = "webhook"

# Channels of what has no name that decides it, unless the source says otherwise.
_CHANNELS: Final[dict[str, Channel]] = {
    "stripe": "order",
    **dict.fromkeys(("intercom", "zendesk", "chatwoot", "crisp"), "chat"),
    **dict.fromkeys(("meta", "x"), "social"),
}


def channel_of(source: Source) -> Channel:
    """Return the channel of its vendor's events whose name decides none; the source may set another."""
    return _CHANNELS.get(source.kind, "web")


def messages_of(source: Source, topic: Topic, content: Any) -> list[Message | Unfit | Erasure]:
    """Return what a delivery says as messages with ids, or one `Unfit` that holds it all.

    The first message has the delivery's id, further ones the same with a number, unless the vendor names them itself. A
    list is many deliveries in one.
    """
    if isinstance(content, list):
        parts = (Topic(topic.name, f"{topic.delivery_id}.{number}") for number in range(len(content)))
        return [each for part, item in zip(parts, content, strict=True) for each in _said(source, part, item)]
    return _said(source, topic, content)


def _said(source: Source, topic: Topic, content: Any) -> list[Message | Unfit | Erasure]:
    if not isinstance(content, Mapping):
        return [unfit(source, topic, content, "invalid_event", "The body must be a JSON object.")]
    found = VENDORS[source.kind].events(topic.name, content, source)
    if found is None:
        known = f"The topic {topic.name!r}" if topic.name else "A delivery without a topic"
        return [unfit(source, topic, content, "unknown_topic", f"{known} of {source.kind} is not understood yet.")]
    messages: list[Message | Unfit | Erasure] = []
    for number, said in enumerate(found):
        own = f"{topic.delivery_id}:{number}" if number else topic.delivery_id
        if isinstance(said, Unknown):
            why = f"This part of a delivery about {topic.name!r} is not understood yet."
            messages.append(unfit(source, Topic(topic.name, own), said.content, "unknown_topic", why))
        elif isinstance(said, Erasure) and not _names_somebody(said, source):
            why = "The demand to erase a person names nobody: none of its identifiers can be used."
            messages.append(unfit(source, topic, content, "no_usable_identifier", why))
        elif isinstance(said, Erasure | Unfit):
            messages.append(said)
        else:
            own = said.get("messageId") or own
            messages.append({**said, "messageId": own if len(own) <= MESSAGE_ID_CHARACTERS else uuid5_text(own)})
    return messages


def _names_somebody(erasure: Erasure, source: Source) -> bool:
    return any(normalise(type_, value, source.country) for type_, value in erasure.identifiers)


def unfit(source: Source, topic: Topic, content: Any, reason: str, message: str) -> Unfit:
    """Return the dead letter of a whole delivery; `replayed` reads its payload."""
    payload = {
        "type": DELIVERY_TYPE,
        "kind": source.kind,
        "topic": topic.name,
        "messageId": topic.delivery_id,
        "body": content,
    }
    return Unfit(payload, reason, message)


def replayed(source: Source, payload: Any) -> list[Any]:
    """Return the messages of a dead letter's payload: a message as it is, a whole delivery mapped anew."""
    if isinstance(payload, dict) and payload.get("type") == DELIVERY_TYPE and payload.get("kind") == source.kind:
        topic = Topic(str(payload.get("topic") or ""), str(payload.get("messageId") or ""))
        return list(messages_of(source, topic, payload.get("body")))
    return [payload]
