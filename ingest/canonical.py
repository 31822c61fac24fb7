"""From a message as an SDK sends it to the canonical event, or to a rejection that says why not.

Pure: the same message received at the same time by the same source gives the same event. The clock's reading comes in
with `Reception`, the only randomness (an id for a message that has neither an id nor a time) as `new_id`. What each
field becomes is written down for senders in `docs/wire.md`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import uuid4

from ingest.bots import is_bot
from ingest.clock import iso, moment, occurred
from ingest.orders import order_properties
from ingest.text import json_bytes
from processors.identity.extract import identifiers_of, in_order
from processors.identity.normalise import normalise, text_of
from processors.profile.traits import check_traits
from schemas.codec import SCHEMA_VERSION
from schemas.event import CHAT_EVENTS, EVENT_TYPES, ORDER_EVENTS, Channel, IdentifierJson
from schemas.identifier import Identifier, event_id_of, seed_of, uuid5_text
from schemas.source import Source

MESSAGE_ID_CHARACTERS: Final = 100
_TYPES: Final = frozenset(EVENT_TYPES)
_NAMED: Final = frozenset({"page", "screen"})
# Types whose messages say something that has its place in the context.
_WITH_MORE: Final = frozenset({"alias", "group"})
_CHANNELS: Final[dict[str, Channel]] = {
    **dict.fromkeys(ORDER_EVENTS, "order"),
    **dict.fromkeys(CHAT_EVENTS, "chat"),
}


# An event on its way to `events.<channel>` under its `seed`. A dict, because this is where all traffic passes.
# passes.
Event = dict[str, Any]


class Rejection(NamedTuple):
    """Why a message is a dead letter: a member of `errors.REASONS`, and a sentence about this message."""

    reason: str
    message: str


class Unfit(NamedTuple):
    """Stands among messages where something came that is none: a webhook's topic that nobody knows, a row that makes
    no event. It becomes a dead letter with these words; `payload` (JSON, or text) is what is mended and replayed."""

    payload: Any
    reason: str
    message: str


class Reception:
    """What all messages of one request share: who sent them, when they came, what they lack of their own.

    `received` and `sent` are milliseconds since 1970 (`sent` is the batch's `sentAt`); `country` is the region of phone
    numbers that name none; `user_agent` and `ip` are the browser's own, None for everything that is no browser; a
    `historical` message keeps the time that it gives; `channel` is that of events whose name decides none, unless the
    source sets one.
    """

    __slots__ = (
        "channel",
        "country",
        "historical",
        "ip",
        "name",
        "received",
        "received_at",
        "sent",
        "source",
        "user_agent",
    )

    def __init__(
        self,
        source: Source,
        received: int,
        sent: int | None = None,
        country: str | None = None,
        user_agent: str | None = None,
        ip: str | None = None,
        historical: bool = False,
        channel: Channel = "web",
    ) -> None:
        self.source = source
        self.name = source.name
        self.channel: Channel = source.channel or channel
        self.country = source.country or country
        self.received = received
        self.received_at = iso(received)
        self.sent = sent
        self.user_agent = user_agent
        self.ip = ip
        self.historical = historical


class RefusedError(Exception):
    """A message that can be no event; `rejection` says why."""

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
        return event_of(message, reception, new_id)
    except RefusedError as refused:
        return refused.rejection


def event_of(message: Any, reception: Reception, new_id: Callable[[], str]) -> Event:
    """Return the canonical event of `message`. Raises `RefusedError` where there is none.

    This is what runs for every event there is: what is rare stands in functions, what is common stands here.
    """
    if not isinstance(message, dict):
        raise RefusedError("invalid_event", "An event must be a JSON object.")
    get = message.get
    type_ = get("type")
    if not isinstance(type_, str) or type_ not in _TYPES:
        raise RefusedError("unknown_type", f"The type must be one of {', '.join(EVENT_TYPES)}.")
    if type(properties := get("properties")) is not dict:
        properties = _no_object("properties", properties)
    if type(traits := get("traits")) is not dict:
        traits = _no_object("traits", traits)
    if type(context := get("context")) is not dict:
        context = _no_object("context", context)
    if type(integrations := get("integrations")) is not dict:
        integrations = _no_object("integrations", integrations)
    name, channel, received = reception.name, reception.channel, reception.received
    event: str | None = None
    if type_ == "track":
        event = text_of(get("event"))
        if not event:
            raise RefusedError("invalid_event", "A track event needs its name in `event`, as text.")
        channel = _CHANNELS.get(event, channel)
    elif type_ in _NAMED:
        event = text_of(get("name")) or text_of(properties.get("name")) or None

    # Some SDKs put a person's traits into the context only; on identify they are the person's.
    if type_ == "identify":
        if isinstance(further := context.get("traits"), dict) and further:
            traits = {**further, **traits}
        if traits and (excess := _excess(traits)) is not None:
            raise RefusedError("too_many_traits", excess)
    if reception.ip is not None or type_ in _WITH_MORE:
        context = _context(message, type_, context, reception)

    identifiers = identifiers_of(message, reception.country)
    if channel == "order":
        properties = order_properties(event, properties, reception.source.store or name)
        if (order := normalise(f"order:{properties['store']}", properties.get("order_id"))) is not None:
            identifiers = in_order([*identifiers, order])
    if not identifiers:
        raise RefusedError("no_usable_identifier", "The event names nobody: none of its identifiers can be used.")

    original = moment(get("originalTimestamp"))
    if original is None:
        original = moment(get("timestamp"))
    message_id = text_of(get("messageId"))
    if not message_id:
        message_id = new_id() if original is None else _made_id(message, name)
    elif len(message_id) > MESSAGE_ID_CHARACTERS:
        raise RefusedError("message_id_too_long", f"The messageId has more than {MESSAGE_ID_CHARACTERS} characters.")
    if original is None:
        original = received
    sent = moment(get("sentAt"))
    if sent is None:
        sent = reception.sent
    at, clamped = occurred(received, None if reception.historical else sent, original)
    shown, seed = _shown(identifiers)
    flags = ["bot"] if (agent := context.get("userAgent") or reception.user_agent) and is_bot(agent) else []
    if clamped:
        flags.append("clamped")
    return {
        "schema_version": SCHEMA_VERSION,
        "event_id": event_id_of(name, message_id),
        "source": name,
        "channel": channel,
        "type": type_,
        "event": event,
        "message_id": message_id,
        "seed": seed,
        "identifiers": shown,
        "occurred_at": iso(at),
        "received_at": reception.received_at,
        "sent_at": None if sent is None else iso(sent),
        "original_timestamp": iso(original),
        "properties": properties,
        "traits": traits,
        "context": context,
        "integrations": integrations,
        "flags": flags,
    }


# Events of one visit name the same person: a tuple of identifiers was mostly just seen. Nobody changes the list.
@lru_cache(maxsize=1 << 14)
def _shown(identifiers: tuple[Identifier, ...]) -> tuple[list[IdentifierJson], str]:
    """Return the identifiers as JSON, and the seed: the strongest one's."""
    return [{"type": type_, "value": value} for type_, value in identifiers], seed_of(identifiers[0])


def _no_object(key: str, value: Any) -> dict[str, Any]:
    """Return an empty object for what is missing or null, and for PHP's empty object (`[]`); refuse everything else."""
    if value is None or value == []:
        return {}
    raise RefusedError("invalid_event", f"`{key}` must be a JSON object.")


def _excess(traits: dict[str, Any]) -> str | None:
    """Return what is too much about a person's traits, or None."""
    try:
        return check_traits({"type": "identify", "traits": traits})
    except RecursionError:
        # Nests deeper than JSON may: refused as such when it is written.
        return None


def _context(message: Mapping[str, Any], type_: str, context: dict[str, Any], reception: Reception) -> dict[str, Any]:
    """Return the context with what has no place of its own in the canonical event."""
    further: dict[str, Any] = {}
    if type_ == "alias" and (previous := text_of(message.get("previousId"))):
        further["previous_id"] = previous
    if type_ == "group" and (group := text_of(message.get("groupId"))):
        further["group_id"] = group
    if reception.ip is not None and "ip" not in context:
        further["ip"] = reception.ip
    return {**context, **further} if further else context


def _made_id(message: Mapping[str, Any], source: str) -> str:
    """Return the id of a message without one: a retry of the same message has it too."""
    body = {key: value for key, value in message.items() if key != "sentAt"}
    return uuid5_text(f"{source}:{json_bytes(body, sort_keys=True).decode()}")
