"""Meta: Facebook pages, Instagram and WhatsApp, many items in one delivery, each an event of its own.

The address is proven by a challenge (`GET`, `hub.verify_token`); a delivery is signed with
`X-Hub-Signature-256: sha256=hex` over the raw bytes. Delivery ids do not exist: every message and comment has its own.
Ids of people are scoped to the app, so their type carries the source's name; a WhatsApp id is a phone number.
https://developers.facebook.com/docs/graph-api/webhooks
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ingest.vendors.delivery import GET, Delivery, Handshake, Message, Said, Topic, Unknown
from ingest.vendors.meta_messages import messaging
from ingest.vendors.meta_pages import facebook_change, instagram_change
from ingest.vendors.meta_whatsapp import whatsapp_change
from ingest.vendors.reading import rows, text
from ingest.vendors.signature import equal, is_signed
from schemas.source import Source

_FORBIDDEN: Final = Handshake(403, b"The verify token is not this source's.", "text/plain")
_OBJECTS: Final = frozenset({"page", "instagram", "whatsapp_business_account"})


def verify(delivery: Delivery) -> bool:
    """Tell whether Meta signed the body."""
    scheme, _, signature = delivery.headers.get("x-hub-signature-256", "").partition("=")
    return scheme == "sha256" and is_signed(delivery.source, delivery.body, [signature])


def handshake(delivery: Delivery) -> Handshake | None:
    """Return the challenge to whoever knows the source's verify token."""
    if delivery.method != GET or delivery.query.get("hub.mode") != "subscribe":
        return None
    expected = delivery.source.verify_token
    if expected is None or not equal(expected.get_secret_value(), delivery.query.get("hub.verify_token", "")):
        return _FORBIDDEN
    return Handshake(200, delivery.query.get("hub.challenge", "").encode("utf-8", "replace"), "text/plain")


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return the kind of account the delivery is about."""
    return Topic(text(content, "object") or "", delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Said] | None:
    """Return what the items say, in the order in which Meta lists them; None for another kind of account."""
    if topic not in _OBJECTS:
        return None
    found: list[Said] = []
    for entry in rows(content, "entry"):
        for part, read in _PARTS.items():
            for item in rows(entry, part):
                said = read(topic, item, entry, source)
                if said is None:
                    alone = {key: value for key, value in entry.items() if key not in _PARTS}
                    found.append(Unknown({**content, "entry": [{**alone, part: [item]}]}))
                found += said or ()
    return found


def _messaging(topic: str, item: Mapping[str, Any], entry: Mapping[str, Any], source: Source) -> list[Message] | None:
    return messaging(item, "instagram" if topic == "instagram" else "facebook", source)


def _change(topic: str, change: Mapping[str, Any], entry: Mapping[str, Any], source: Source) -> list[Message] | None:
    if topic == "page":
        return facebook_change(change, entry, source)
    if topic == "instagram":
        return instagram_change(change, entry, source)
    return whatsapp_change(change)


_PARTS: Final[dict[str, Callable[..., list[Message] | None]]] = {"messaging": _messaging, "changes": _change}
