"""Messages of Messenger and Instagram: `entry[].messaging[]`."""

from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.chat import RECEIVED, SENT, chat_properties
from ingest.vendors.delivery import Message
from ingest.vendors.message import Person, track
from ingest.vendors.reading import instant, obj, rows, text
from ingest.vendors.social import REACTED, UNREACTED
from schemas.source import Source

# Receipts of delivery and reading, and hand-overs between apps.
_SILENT: Final = frozenset(
    {"read", "delivery", "standby", "pass_thread_control", "take_thread_control", "request_thread_control", "app_roles"}
)


def messaging(item: Mapping[str, Any], network: str, source: Source) -> list[Message] | None:
    """Return what one item says; None where it is not understood. An echo is what the page wrote to the person."""
    happened, message, postback = instant(item.get("timestamp")), obj(item, "message"), obj(item, "postback")
    sender, recipient = text(item, "sender", "id"), text(item, "recipient", "id")
    is_echo = message.get("is_echo") is True
    person = Person(ids=((f"{network}:{source.name}", recipient if is_echo else sender),))
    account = sender if is_echo else recipient
    conversation = f"{account}:{recipient if is_echo else sender}"
    if message:
        if message.get("is_deleted") is True:
            return []
        properties = chat_properties(
            conversation,
            text(message, "mid"),
            text(message, "text"),
            network=network,
            account_id=account,
            attachments=[kind for each in rows(message, "attachments") if (kind := text(each, "type"))],
        )
        return [track(RECEIVED if is_echo else SENT, person, properties, happened, text(message, "mid"))]
    if postback:
        own = text(postback, "mid") or _own("postback", item)
        properties = chat_properties(conversation, text(postback, "mid"), text(postback, "title"), network=network)
        return [track(SENT, person, {**properties, "payload": text(postback, "payload")}, happened, own)]
    if reaction := obj(item, "reaction"):
        name = UNREACTED if text(reaction, "action") == "unreact" else REACTED
        properties = {"network": network, "reaction": text(reaction, "reaction"), "message_id": text(reaction, "mid")}
        return [track(name, person, properties, happened, _own("reaction", item))]
    if obj(item, "optin") or obj(item, "referral"):
        kind = "Chat Opted In" if obj(item, "optin") else "Chat Referred"
        referral = obj(item, "optin") or obj(item, "referral")
        properties = {"network": network, "ref": text(referral, "ref"), "source": text(referral, "source")}
        return [track(kind, person, properties, happened, _own(kind, item))]
    return [] if any(key in item for key in _SILENT) else None


def _own(kind: str, item: Mapping[str, Any]) -> str:
    """Return an id for what Meta gives none: one person does one such thing in one millisecond."""
    of = text(item, "reaction", "mid") or text(item, "recipient", "id")
    return f"{kind}:{text(item, 'sender', 'id')}:{of}:{text(item, 'timestamp')}"
