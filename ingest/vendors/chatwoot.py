"""Chatwoot: messages, conversations and contacts.

Newer servers sign with `X-Chatwoot-Signature: sha256=hex` over "{X-Chatwoot-Timestamp}.{raw body}"; older ones do not
sign, so their address holds a secret.
https://www.chatwoot.com/docs/product/features/webhooks
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.chat import ENDED, RECEIVED, SENT, STARTED, chat_properties
from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import first, instant, obj, text
from ingest.vendors.signature import is_recent, is_signed, knows_url_secret, whole
from schemas.source import Source

# Ours and yours are words in webhooks and numbers in the API; the others are greetings and notices of the system.
_BY_SHOPPER: Final = ("incoming", "0")
_BY_AGENT: Final = ("outgoing", "1")
_SILENT: Final = frozenset(
    {
        "message_updated",
        "conversation_updated",
        "conversation_typing_on",
        "conversation_typing_off",
        "webwidget_triggered",
        "inbox_created",
        "inbox_updated",
    }
)


def verify(delivery: Delivery) -> bool:
    """Tell whether the server signed the body lately, or the address has the source's secret."""
    if knows_url_secret(delivery):
        return True
    timestamp = delivery.headers.get("x-chatwoot-timestamp", "").strip()
    scheme, _, signature = delivery.headers.get("x-chatwoot-signature", "").partition("=")
    seconds = whole(timestamp)
    if scheme != "sha256" or not is_recent(None if seconds is None else seconds * 1000, delivery):
        return False
    return is_signed(delivery.source, f"{timestamp}.".encode() + delivery.body, [signature])


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Chatwoot has no handshake."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return `event`, and the delivery's id: Chatwoot tries once only, so what is repeated has the same body."""
    delivered = delivery.headers.get("x-chatwoot-delivery", "").strip()
    return Topic(text(content, "event") or "", delivered or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what a webhook says; None for an event that is not understood."""
    if topic in _SILENT:
        return []
    if topic == "message_created":
        return _message(content, source)
    if topic == "conversation_created":
        return [_conversation(STARTED, content, source)]
    if topic in ("conversation_status_changed", "conversation_resolved"):
        return [_conversation(ENDED, content, source)] if text(content, "status") == "resolved" else []
    if topic in ("contact_created", "contact_updated"):
        return [_contact(content, source)]
    return None


def _message(message: Mapping[str, Any], source: Source) -> list[Message]:
    way = text(message, "message_type")
    if message.get("private") is True or way not in (*_BY_SHOPPER, *_BY_AGENT):
        return []
    conversation, sender = obj(message, "conversation"), obj(message, "sender")
    shopper = obj(conversation, "meta", "sender") or obj(message, "contact")
    by_shopper = way in _BY_SHOPPER
    agent = {} if by_shopper else sender
    properties = chat_properties(
        text(conversation, "display_id") or text(conversation, "id"),
        text(message, "id"),
        text(message, "content"),
        text(agent, "id"),
        text(agent, "name"),
        inbox=text(message, "inbox", "name"),
    )
    person = _person({**shopper, **sender} if by_shopper else shopper, source)
    return [track(SENT if by_shopper else RECEIVED, person, properties, instant(message.get("created_at")))]


def _conversation(name: str, conversation: Mapping[str, Any], source: Source) -> Message:
    agent = obj(conversation, "meta", "assignee")
    properties = chat_properties(
        text(conversation, "display_id") or text(conversation, "id"),
        agent_id=text(agent, "id"),
        agent_name=text(agent, "name"),
        inbox_channel=text(conversation, "channel"),
    )
    started = first(conversation.get("created_at"), conversation.get("timestamp"))
    at = started if name == STARTED else first(conversation.get("updated_at"), conversation.get("timestamp"))
    return track(name, _person(obj(conversation, "meta", "sender"), source), properties, instant(at))


def _contact(contact: Mapping[str, Any], source: Source) -> Message:
    more = obj(contact, "additional_attributes")
    traits = {
        "name": text(contact, "name"),
        "country": first(text(more, "country_code"), text(more, "country")),
        "city": text(more, "city"),
        "company": text(more, "company_name"),
        **{key: value for key, value in obj(contact, "custom_attributes").items() if value is not None},
    }
    return identify(_person(contact, source), traits, instant(contact.get("updated_at")))


def _person(contact: Mapping[str, Any], source: Source) -> Person:
    """Return who a contact is; ids count from 1 on every server, `identifier` is the shop's own id of them."""
    return Person(
        ids=((f"chatwoot:{source.name}", contact.get("id")),),
        user_id=contact.get("identifier"),
        email=contact.get("email"),
        phone=contact.get("phone_number"),
        country=text(contact, "additional_attributes", "country_code"),
    )
