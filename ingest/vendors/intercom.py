"""Intercom: contacts, conversations and their ratings.

A notification is signed with `X-Hub-Signature: sha1=hex`, HMAC-SHA1 over the raw body under the app's client secret.
https://developers.intercom.com/docs/webhooks
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.chat import ENDED, RATED, RECEIVED, SENT, STARTED, chat_properties
from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import first, instant, obj, rows, text
from ingest.vendors.signature import is_signed
from schemas.source import Source

_NAMES: Final = {
    "conversation.user.created": STARTED,
    "conversation.contact.created": STARTED,
    "conversation.user.replied": SENT,
    "conversation.contact.replied": SENT,
    "conversation.admin.replied": RECEIVED,
    "conversation.admin.single.created": RECEIVED,
    "conversation.admin.closed": ENDED,
    "conversation.rating.added": RATED,
}
# The end of a topic about a person -> what they no longer want.
_UNSUBSCRIBED: Final = {"unsubscribed": "email_marketing", "unsubscribed_from_sms": "sms_marketing"}
_KNOWN: Final = frozenset({"created", "updated", "signed_up", "added_email"})
# Work of the team among itself, and pings.
_SILENT: Final = frozenset(
    {
        "ping",
        "conversation.admin.assigned",
        "conversation.admin.noted",
        "conversation.admin.opened",
        "conversation.admin.snoozed",
        "conversation.admin.unsnoozed",
        "conversation.read",
        "conversation_part.tag.created",
    }
)
_PEOPLE: Final = frozenset({"contact", "user", "lead"})


def verify(delivery: Delivery) -> bool:
    """Tell whether Intercom signed the body."""
    scheme, _, signature = delivery.headers.get("x-hub-signature", "").partition("=")
    return scheme == "sha1" and is_signed(delivery.source, delivery.body, [signature], digest="sha1")


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Intercom looks with HEAD whether somebody is there, and pings with a topic of its own."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return the notification's topic and id."""
    return Topic(text(content, "topic") or "", text(content, "id") or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what a notification says; None for a topic that is not understood."""
    item, happened = obj(content, "data", "item"), instant(content.get("created_at"))
    if topic in _SILENT:
        return []
    if name := _NAMES.get(topic):
        return [_conversation(name, item, happened)]
    subject, _, ending = topic.partition(".")
    ending = ending.rpartition(".")[2]
    if subject not in ("contact", "user", "visitor") or ".tag." in topic:
        return None
    if purpose := _UNSUBSCRIBED.get(ending):
        return [identify(_contact(item), {"consent": {purpose: False}}, happened)]
    return [_identified(item, happened)] if ending in _KNOWN else None


def _identified(contact: Mapping[str, Any], happened: str | None) -> Message:
    location = obj(contact, "location") or obj(contact, "location_data")
    traits = {
        "name": text(contact, "name"),
        "country": first(text(location, "country_code"), text(location, "country")),
        "city": first(text(location, "city"), text(location, "city_name")),
        "created_at": instant(first(contact.get("signed_up_at"), contact.get("created_at"))),
        **{key: value for key, value in obj(contact, "custom_attributes").items() if value is not None},
        "consent": {"email_marketing": False} if contact.get("unsubscribed_from_emails") is True else {},
    }
    return identify(_contact(contact), traits, happened)


def _contact(contact: Mapping[str, Any]) -> Person:
    """Return who a contact is; `external_id`, once a user's `user_id`, is the shop's own id of them."""
    own = first(contact.get("external_id"), contact.get("user_id") if text(contact, "type") == "user" else None)
    return Person(
        ids=(("intercom", contact.get("id")),),
        user_id=own,
        email=contact.get("email"),
        phone=contact.get("phone"),
        country=first(text(contact, "location", "country_code"), text(contact, "location_data", "country_code")),
    )


def _conversation(name: str, item: Mapping[str, Any], happened: str | None) -> Message:
    parts = rows(item, "conversation_parts", "conversation_parts")
    newest = parts[-1] if parts else obj(item, "source") or obj(item, "conversation_message")
    author, rating = obj(newest, "author"), obj(item, "conversation_rating")
    agent = author if text(author, "type") not in _PEOPLE else {}
    properties = chat_properties(
        text(item, "id"),
        text(newest, "id"),
        text(newest, "body") if name != RATED else None,
        text(agent, "id"),
        text(agent, "name"),
        rating=rating.get("rating") if name == RATED else None,
        remark=text(rating, "remark") if name == RATED else None,
    )
    at = instant(newest.get("created_at")) if name in (SENT, RECEIVED) else None
    return track(name, _participant(item, author), properties, at or happened)


def _participant(item: Mapping[str, Any], author: Mapping[str, Any]) -> Person:
    """Return the shopper in a conversation: named in full where they wrote, else by the contact's ids."""
    listed = rows(item, "contacts", "contacts") or rows(item, "contacts")
    contact = first(listed[0] if listed else None, obj(item, "user"), obj(item, "contact")) or {}
    writers = [each for each in (author, obj(item, "source", "author")) if text(each, "type") in _PEOPLE]
    named = next((each for each in writers if text(each, "id") == text(contact, "id") or not contact), {})
    return _contact({**named, **{key: value for key, value in contact.items() if value is not None}})
