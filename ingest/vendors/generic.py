"""Any JSON, through the mapping in the source's settings: tills, ERP and loyalty systems.

A delivery is proven by a secret in the address (`?secret=`) or signed as Standard Webhooks
(https://www.standardwebhooks.com). A source with several mappings chooses by the topic: `?topic=` in the address, or
the body's `topic`, `type` or `event`.
"""

from collections.abc import Mapping
from typing import Any, Final

from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.reading import compact, instant, text
from ingest.vendors.signature import knows_url_secret
from schemas.json_path import value_of
from schemas.source import EventMapping, Source

# Identifiers that have a place of their own in Segment's shape; the rest are `context.externalIds`.
_TRAITS: Final = frozenset({"email", "phone", "loyalty_id"})
_TOPIC_KEYS: Final = ("topic", "type", "event")


def verify(delivery: Delivery) -> bool:
    """Tell whether the address has the source's secret, or the body is signed with one of its secrets."""
    if knows_url_secret(delivery):
        return True
    return any(_is_standard(secret.get_secret_value(), delivery) for secret in delivery.source.secrets)


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: nobody asks."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return which of the source's mappings is meant, and Standard Webhooks' id of the message."""
    stated = (delivery.query.get("topic"), *(text(content, key) for key in _TOPIC_KEYS))
    name = next((each for each in stated if each), "")
    return Topic(name, delivery.headers.get("webhook-id", "").strip() or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return the one event that the mapping makes of the body; None for a topic without a mapping."""
    mapping = source.mapping
    if isinstance(mapping, dict):
        mapping = mapping.get(topic)
    return None if mapping is None else [mapped(mapping, content)]


def mapped(mapping: EventMapping, content: Any) -> Message:
    """Return the message that a mapping makes of any JSON; what its paths do not find is left out."""
    traits: dict[str, Any] = {}
    message: dict[str, Any] = {"type": mapping.type, "externalIds": []}
    for type_, spec in mapping.identifiers.items():
        found = value_of(spec, content)
        values = [value for each in (found if isinstance(found, list) else [found]) if (value := text(each))]
        if type_ in _TRAITS:
            traits.update({type_: values[0]} if values else {})
        elif type_ == "user_id":
            message["userId"] = next(iter(values), None)
        elif type_ == "anonymous_id":
            message["anonymousId"] = next(iter(values), None)
        else:
            message["externalIds"] += [{"id": value, "type": type_} for value in values]
    name = text(value_of(mapping.event, content))
    message_id = text(value_of(mapping.message_id, content))
    properties = _said(value_of(mapping.properties, content))
    if name == "Order Completed" and message_id is not None and "order_id" not in properties:
        # A receipt's number is what a till knows its order by.
        properties["order_id"] = message_id
    context = _said(value_of(mapping.context, content))
    if traits:
        context["traits"] = {**traits, **context.get("traits", {})}
    if external := message.pop("externalIds"):
        context["externalIds"] = external
    named = {"event": name} if mapping.type == "track" else {"name": name}
    return compact(
        {
            **message,
            **named,
            "messageId": message_id,
            "timestamp": instant(value_of(mapping.occurred_at, content)),
            "properties": properties,
            "traits": _said(value_of(mapping.traits, content)),
            "context": context,
        }
    )


def _said(value: Any) -> Any:
    """Return a mapped value without what its paths did not find."""
    if isinstance(value, dict):
        return {key: _said(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_said(each) for each in value]
    return value


def _is_standard(secret: str, delivery: Delivery) -> bool:
    try:
        Webhook(secret).verify(delivery.body, dict(delivery.headers), json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError):
        # ValueError: bytes, base64 or a list of signatures that are none.
        return False
    return True
