"""From a message as an SDK sends it to the canonical event, or to a rejection that says why not.

Pure: the same message received at the same time by the same source gives the same event. The clock's reading comes in
with `Reception`, the only randomness (an id for a message that has neither an id nor a time) as `new_id`. What each
field becomes is written down for senders in `docs/wire.md`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import uuid4

from ingest.bots import is_bot
from ingest.clock import moment, occurred
from ingest.orders import order_properties
from ingest.sources import Source
from ingest.text import json_bytes
from processors.identity.extract import identifiers_of, in_order
from processors.identity.normalise import normalise, text_of
from schemas.codec import SCHEMA_VERSION
from schemas.event import CHAT_EVENTS, EVENT_TYPES, ORDER_EVENTS, Channel, IdentifierJson
from schemas.identifier import Identifier, event_id_of, seed_of, uuid5_text
from schemas.times import to_iso

MESSAGE_ID_CHARACTERS: Final = 100
_TYPES: Final = frozenset(EVENT_TYPES)
_NAMED: Final = frozenset({"page", "screen"})
# A request's own two times are the same for all of its messages.
_usual_iso = lru_cache(maxsize=64)(to_iso)


# An event on its way to `events.<channel>` under its `seed`. A dict, because this is where all traffic passes.
# passes.
Event = dict[str, Any]


class Rejection(NamedTuple):
    """Why a message is a dead letter: a member of `errors.REASONS`, and a sentence about this message."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Reception:
    """What all messages of one request share: who sent them, when they came, what they lack of their own.

    `received` and `sent` are milliseconds since 1970 (`sent` is the batch's `sentAt`); `country` is the region of phone
    numbers that name none; `user_agent` and `ip` are the browser's own, None for everything that is no browser; a
    `historical` message keeps the time that it gives.
    """

    source: Source
    received: int
    sent: int | None = None
    country: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    historical: bool = False


class _RefusedError(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.rejection = Rejection(reason, message)


def random_id() -> str:
    """Return an id for a message that gives us nothing to make one from."""
    return str(uuid4())


def canonical(message: Any, reception: Reception, new_id: Callable[[], str] = random_id) -> Event | Rejection:
    """Return the canonical event of `message`, or why there is none, whatever JSON `message` is.

    Raises `NotJsonError` only, for a message without an id that nests deeper than JSON may.
    """
    try:
        return _canonical(message, reception, new_id)
    except _RefusedError as refused:
        return refused.rejection


def _canonical(message: Any, reception: Reception, new_id: Callable[[], str]) -> Event:
    if not isinstance(message, dict):
        raise _RefusedError("invalid_event", "An event must be a JSON object.")
    get = message.get
    type_ = get("type")
    if not isinstance(type_, str) or type_ not in _TYPES:
        raise _RefusedError("unknown_type", f"The type must be one of {', '.join(EVENT_TYPES)}.")
    if type(properties := get("properties")) is not dict:
        properties = _no_object("properties", properties)
    if type(traits := get("traits")) is not dict:
        traits = _no_object("traits", traits)
    if type(context := get("context")) is not dict:
        context = _no_object("context", context)
    if type(integrations := get("integrations")) is not dict:
        integrations = _no_object("integrations", integrations)
    source, received = reception.source, reception.received
    event = _event_name(message, type_, properties)
    channel = _channel(type_, event, source)

    # Some SDKs put a person's traits into the context only; on identify they are the person's.
    if type_ == "identify" and isinstance(further := context.get("traits"), dict) and further:
        traits = {**further, **traits}
    context = _context(message, type_, context, reception)

    identifiers = identifiers_of(message, source.country or reception.country)
    if channel == "order":
        properties = order_properties(event, properties, source.store or source.name)
        if (order := normalise(f"order:{properties['store']}", properties.get("order_id"))) is not None:
            identifiers = in_order([*identifiers, order])
    if not identifiers:
        raise _RefusedError("no_usable_identifier", "The event names nobody: none of its identifiers can be used.")

    original = moment(get("originalTimestamp"))
    if original is None:
        original = moment(get("timestamp"))
    message_id = _message_id(message, source.name, original is not None, new_id)
    if original is None:
        original = received
    sent = moment(get("sentAt"))
    if sent is None:
        sent = reception.sent
    at, clamped = occurred(received, None if reception.historical else sent, original)
    shown, seed = _shown(identifiers)
    return {
        "schema_version": SCHEMA_VERSION,
        "event_id": event_id_of(source.name, message_id),
        "source": source.name,
        "channel": channel,
        "type": type_,
        "event": event,
        "message_id": message_id,
        "seed": seed,
        "identifiers": shown,
        "occurred_at": to_iso(at),
        "received_at": _usual_iso(received),
        "sent_at": None if sent is None else _usual_iso(sent),
        "original_timestamp": to_iso(original),
        "properties": properties,
        "traits": traits,
        "context": context,
        "integrations": integrations,
        "flags": _flags(context.get("userAgent") or reception.user_agent, clamped),
    }


# Events of one visit name the same person: a tuple of identifiers was mostly just seen. Nobody changes the list.
@lru_cache(maxsize=1 << 14)
def _shown(identifiers: tuple[Identifier, ...]) -> tuple[list[IdentifierJson], str]:
    """Return the identifiers as JSON, and the seed: the strongest one's."""
    return [{"type": type_, "value": value} for type_, value in identifiers], seed_of(identifiers[0])


def _flags(user_agent: Any, clamped: bool) -> list[str]:
    flags = ["bot"] if user_agent and is_bot(user_agent) else []
    if clamped:
        flags.append("clamped")
    return flags


def _no_object(key: str, value: Any) -> dict[str, Any]:
    """Return an empty object for what is missing or null, and for PHP's empty object (`[]`); refuse everything else."""
    if value is None or value == []:
        return {}
    raise _RefusedError("invalid_event", f"`{key}` must be a JSON object.")


def _event_name(message: Mapping[str, Any], type_: str, properties: Mapping[str, Any]) -> str | None:
    if type_ == "track":
        name = text_of(message.get("event"))
        if not name:
            raise _RefusedError("invalid_event", "A track event needs its name in `event`, as text.")
        return name
    if type_ in _NAMED:
        return text_of(message.get("name")) or text_of(properties.get("name")) or None
    return None


def _channel(type_: str, event: str | None, source: Source) -> Channel:
    if type_ == "track":
        if event in ORDER_EVENTS:
            return "order"
        if event in CHAT_EVENTS:
            return "chat"
    return source.channel or "web"


def _context(message: Mapping[str, Any], type_: str, context: dict[str, Any], reception: Reception) -> dict[str, Any]:
    """Return the context with what has no place of its own in the canonical event."""
    if reception.ip is None and type_ != "alias" and type_ != "group":
        return context
    further: dict[str, Any] = {}
    if type_ == "alias" and (previous := text_of(message.get("previousId"))):
        further["previous_id"] = previous
    if type_ == "group" and (group := text_of(message.get("groupId"))):
        further["group_id"] = group
    if reception.ip is not None and "ip" not in context:
        further["ip"] = reception.ip
    return {**context, **further} if further else context


def _message_id(message: Mapping[str, Any], source: str, has_time: bool, new_id: Callable[[], str]) -> str:
    """Return the sender's id; without one, an id that a retry of the same message has too."""
    given = text_of(message.get("messageId"))
    if given:
        if len(given) > MESSAGE_ID_CHARACTERS:
            raise _RefusedError(
                "message_id_too_long", f"The messageId has more than {MESSAGE_ID_CHARACTERS} characters."
            )
        return given
    if not has_time:
        return new_id()
    body = {key: value for key, value in message.items() if key != "sentAt"}
    return uuid5_text(f"{source}:{json_bytes(body, sort_keys=True).decode()}")
