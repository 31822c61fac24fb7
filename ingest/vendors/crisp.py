"""Crisp: messages and sessions.

`X-Crisp-Signature` is the hexadecimal HMAC-SHA256 over "[{X-Crisp-Request-Timestamp};{raw body}]", the raw text and
never a rewritten one. A session is a visitor's; what they say of themselves comes in deliveries of its own.
https://docs.crisp.chat/guides/web-hooks/
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.chat import ENDED, RATED, RECEIVED, SENT, STARTED, chat_properties
from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import first, instant, obj, text
from ingest.vendors.signature import is_recent, is_signed, knows_url_secret, whole
from schemas.source import Source

_MESSAGES: Final = {"message:send": SENT, "message:received": RECEIVED}
_SILENT: Final = frozenset(
    {
        "message:updated",
        "message:removed",
        "message:compose:send",
        "message:compose:receive",
        "message:acknowledge:read:send",
        "message:acknowledge:read:received",
        "message:acknowledge:delivered",
        "message:notify:unread:send",
        "message:notify:unread:received",
        "session:set_avatar",
        "session:set_block",
        "session:set_segments",
        "session:set_participants",
        "session:sync:pages",
        "session:sync:events",
        "session:sync:geolocation",
        "session:sync:system",
        "session:sync:network",
        "session:sync:capabilities",
        "session:sync:rating",
        "session:sync:topic",
        "session:set_routing",
        "session:removed",
    }
)
# Earlier than this a timestamp is in seconds.
_MILLISECONDS_FROM: Final = 100_000_000_000


def verify(delivery: Delivery) -> bool:
    """Tell whether Crisp signed the body lately, or the address has the source's secret."""
    if knows_url_secret(delivery):
        return True
    timestamp = delivery.headers.get("x-crisp-request-timestamp", "").strip()
    number = whole(timestamp)
    if number is not None and number < _MILLISECONDS_FROM:
        number *= 1000
    if not is_recent(number, delivery):
        return False
    signature = delivery.headers.get("x-crisp-signature", "")
    return is_signed(delivery.source, b"[" + timestamp.encode() + b";" + delivery.body + b"]", [signature])


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Crisp has no handshake."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return `event`; a message's fingerprint in its session is what repeated deliveries share."""
    name = text(content, "event") or ""
    session, mark = text(content, "data", "session_id"), text(content, "data", "fingerprint")
    own = f"{name}:{session}:{mark}" if session and mark else None
    return Topic(name, own or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what a webhook says; None for an event that is not understood."""
    data = obj(content, "data")
    happened = instant(first(data.get("timestamp"), content.get("timestamp")))
    visitor = Person(ids=(("crisp", data.get("session_id")),))
    if name := _MESSAGES.get(topic):
        return _message(name, data, visitor, happened)
    if topic == "session:set_email":
        return [identify(Person(ids=visitor.ids, email=data.get("email")), {}, happened)]
    if topic == "session:set_phone":
        return [identify(Person(ids=visitor.ids, phone=data.get("phone")), {}, happened)]
    if topic == "session:set_nickname":
        return [identify(visitor, {"name": text(data, "nickname")}, happened)]
    if topic == "session:set_data":
        return [_data(obj(data, "data"), visitor, happened)]
    if topic == "session:request:initiated":
        return [track(STARTED, visitor, chat_properties(text(data, "session_id")), happened)]
    if topic == "session:set_state":
        resolved = text(data, "state") == "resolved"
        return [track(ENDED, visitor, chat_properties(text(data, "session_id")), happened)] if resolved else []
    if topic == "session:rating":
        properties = chat_properties(text(data, "session_id"), rating=data.get("stars"), remark=text(data, "comment"))
        return [track(RATED, visitor, properties, happened)]
    return [] if topic in _SILENT else None


def _message(name: str, data: Mapping[str, Any], visitor: Person, happened: str | None) -> list[Message]:
    kind = text(data, "type")
    if kind in ("note", "event"):
        # Notes are the team's own, events are the chat box's.
        return []
    content, user = data.get("content"), obj(data, "user")
    agent = user if name == RECEIVED else {}
    properties = chat_properties(
        text(data, "session_id"),
        text(data, "fingerprint"),
        text(content) or text(content, "text"),
        text(agent, "user_id"),
        text(agent, "nickname"),
        message_type=kind,
        origin=text(data, "origin"),
    )
    return [track(name, visitor, properties, happened)]


def _data(data: Mapping[str, Any], visitor: Person, happened: str | None) -> Message:
    """Return what the shop's page said about its visitor; `user_id` is an identifier, the rest are traits."""
    named = Person(ids=visitor.ids, user_id=data.get("user_id"), email=data.get("email"), phone=data.get("phone"))
    return identify(named, {key: value for key, value in data.items() if key != "user_id"}, happened)
