"""Messages of WhatsApp: `entry[].changes[]` of a business account."""

from collections.abc import Mapping
from typing import Any

from ingest.vendors.chat import RECEIVED, SENT, chat_properties
from ingest.vendors.delivery import Message
from ingest.vendors.message import Person, track
from ingest.vendors.reading import first, instant, obj, rows, text
from ingest.vendors.social import REACTED, UNREACTED


def whatsapp_change(change: Mapping[str, Any]) -> list[Message] | None:
    """Return the messages in one change; None where it is not understood.

    What became of the shop's own messages (sent, delivered, read) is not theirs who got them.
    """
    field, value = text(change, "field"), obj(change, "value")
    account = text(value, "metadata", "phone_number_id")
    names = {text(each, "wa_id"): text(each, "profile", "name") for each in rows(value, "contacts")}
    if field == "smb_message_echoes":
        name, messages, whose = RECEIVED, rows(value, "message_echoes"), "to"
    elif field == "messages":
        name, messages, whose = SENT, rows(value, "messages"), "from"
    else:
        return None
    found = [_message(name, each, text(each, whose), account) for each in messages]
    for each, message in zip(messages, found, strict=True):
        if user_name := names.get(text(each, whose)):
            message["properties"]["user_name"] = user_name
    return found


def _message(name: str, message: Mapping[str, Any], wa_id: str | None, account: str | None) -> Message:
    number = None if wa_id is None else f"+{wa_id.lstrip('+')}"
    person = Person(ids=(("whatsapp", wa_id),), phone=number)
    happened, own, kind = instant(message.get("timestamp")), text(message, "id"), text(message, "type")
    if kind == "reaction":
        reaction = obj(message, "reaction")
        properties = {
            "network": "whatsapp",
            "reaction": text(reaction, "emoji"),
            "message_id": text(reaction, "message_id"),
        }
        return track(REACTED if properties["reaction"] else UNREACTED, person, properties, happened, own)
    body = first(
        text(message, "text", "body"),
        text(message, "button", "text"),
        text(message, "interactive", "button_reply", "title"),
        text(message, "interactive", "list_reply", "title"),
        text(message, kind or "", "caption"),
    )
    properties = chat_properties(
        f"{account}:{wa_id}", own, body, network="whatsapp", account_id=account, message_type=kind
    )
    return track(name, person, properties, happened, own)
