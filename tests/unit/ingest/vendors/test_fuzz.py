"""Rubbish in the shape of real deliveries: no vendor's module fails on it, and nobody is answered with a 5xx."""

import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ingest.canonical import Reception, Unfit, canonical
from ingest.vendors.delivery import Delivery, Erasure, Topic
from ingest.vendors.mapping import channel_of, messages_of
from ingest.vendors.registry import VENDORS
from schemas.event import CanonicalEvent
from schemas.source import Source
from tests.unit.ingest.vendors import test_chats as chats
from tests.unit.ingest.vendors import test_generic as generic
from tests.unit.ingest.vendors import test_magento as magento
from tests.unit.ingest.vendors import test_shopify as shopify
from tests.unit.ingest.vendors import test_social as social
from tests.unit.ingest.vendors import test_stripe as stripe
from tests.unit.ingest.vendors import test_woocommerce as woocommerce
from tests.unit.ingest.vendors.reading import RECEIVED
from tests.unit.ingest.vendors.sending import KINDS, receiving, signed
from tests.unit.ingest.vendors.test_routes import BODIES, url
from tests.unit.ingest.vendors.test_shopify_deliveries import CANCELLED, LIFE

Sample = tuple[str, Any]


def of(topics: str, content: Any) -> list[Sample]:
    """The same content under each of some topics."""
    return [(topic, content) for topic in topics.split()]


_POST = {"id": "1", "user": {"id_str": "2"}, "message_create": {"target": {}}, "source": {"id": "2"}}
_COMMENT = {"item": "comment", "from": {"id": "9"}, "created_time": 1769940000}
_PICTURE = {"from": "33", "id": "w", "type": "image", "image": {"caption": "x"}}
_MESSAGE = social.message("9", "P", message={"mid": "m", "attachments": [{"type": "image"}]}, reaction={"mid": "m"})
SAMPLES: dict[str, tuple[Source, list[Sample]]] = {
    "shopify": (
        shopify.SHOP,
        [
            *((topic, content) for topic, content, _ in [*LIFE, *CANCELLED]),
            *of("customers/update customers/delete customers_email_marketing_consent/update", shopify.CUSTOMER),
            *of("customers/redact customers/data_request shop/redact", {"customer": shopify.CUSTOMER}),
            *of("orders/delete checkouts/create checkouts/update carts/update", shopify.ORDER),
        ],
    ),
    "woocommerce": (
        woocommerce.SITE,
        [
            *((topic, content) for topic, content, _ in woocommerce.LIFE),
            *of("order.deleted customer.updated", {"id": 1, "billing": woocommerce.ORDER["billing"]}),
        ],
    ),
    "magento": (
        magento.SITE,
        [
            ("order", {"order": magento.ORDER}),
            ("creditmemo", magento.MEMO),
            ("customer", magento.CUSTOMER),
            ("subscriber", {"subscriber": {"subscriber_email": "a@x.fr", "subscriber_status": 1}}),
        ],
    ),
    "stripe": (
        stripe.ACCOUNT,
        of("charge.refunded customer.updated invoice.paid", stripe.event_of("", stripe.CHARGE)),
    ),
    "intercom": (
        chats.INTERCOM,
        of(
            "conversation.user.replied conversation.rating.added contact.created contact.unsubscribed",
            chats.intercom("", {**chats.part(chats.LEAD, "x"), "id": "5ba6", "email": "j@x.fr"}),
        ),
    ),
    "zendesk": (
        chats.ZENDESK,
        of(
            "ticket.created ticket.comment_added ticket.status_changed user.created",
            chats.zendesk("", {"comment": {"author": {"id": 1}}, "current": "SOLVED"}),
        ),
    ),
    "chatwoot": (
        chats.CHATWOOT,
        of(
            "message_created conversation_created conversation_status_changed contact_updated",
            {**chats.chatwoot("incoming", chats.CONTACT), "meta": {"sender": chats.CONTACT}, "email": "j@x.fr"},
        ),
    ),
    "crisp": (
        chats.CRISP,
        of(
            "message:send message:received session:set_data session:set_email session:rating session:set_state",
            chats.crisp("", content={"text": "x"}, data={"user_id": "u"}, email="j@x.fr", state="resolved"),
        ),
    ),
    "meta": (
        social.META,
        [
            ("page", social.page(_MESSAGE)),
            ("page", social.page({"field": "feed", "value": _COMMENT}, part="changes")),
            ("instagram", social.page({"field": "comments", "value": _COMMENT}, object_="instagram", part="changes")),
            ("whatsapp_business_account", social.whatsapp(messages=[_PICTURE])),
        ],
    ),
    "x": (
        social.X,
        [
            (key, {"for_user_id": "1", key: [{**_POST, "created_at": "Sun Feb 01 10:00:00 +0000 2026"}]})
            for key in ("tweet_create_events", "direct_message_events", "follow_events", "favorite_events")
        ],
    ),
    "generic": (generic.TILL, [("", generic.RECEIPT)]),
}
RUBBISH: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e300, -0.0, 2**63, 10**30, [], {}, [[]], [None], {"id": {}}, {"": ""}, [{}, [], 1]),
    *("", " ", "null", "0", "x" * 5000, "\x00", "-1e5", "NaN", "9999-99-99", "2026-02-30T10:00:00Z", "+", "@"),
)


def mutated(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """A copy with some of it replaced by rubbish, left out, or wrapped."""
    if chance.random() < 0.06 and depth:
        return chance.choice(RUBBISH)
    if isinstance(value, dict):
        kept = {key: mutated(each, chance, depth + 1) for key, each in value.items() if chance.random() > 0.04}
        return [kept] if chance.random() < 0.02 and depth else kept
    if isinstance(value, list):
        return [mutated(each, chance, depth + 1) for each in value] * chance.choice((1, 1, 1, 0, 2))
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_no_module_fails_on_rubbish(kind: str) -> None:
    chance = random.Random(f"rubbish for {kind}")
    source, samples = SAMPLES[kind]
    reception = Reception(source, RECEIVED, channel=channel_of(source))
    events = 0
    for number in range(1200):
        topic, sample = samples[number % len(samples)]
        content = mutated(sample, chance)
        delivery = Delivery(source, "POST", {}, {}, b"{}", RECEIVED)
        named = VENDORS[kind].topic(delivery, content)
        assert isinstance(named.name, str)
        assert named.delivery_id
        for said in messages_of(source, Topic(topic, f"d{number}"), content):
            if isinstance(said, Unfit | Erasure):
                continue
            event = canonical(said, reception)
            if isinstance(event, dict):
                CanonicalEvent.model_validate(event)
                events += 1
            else:
                assert event.reason in ("no_usable_identifier", "too_many_traits"), event
    # The rubbish is near enough to the truth to be read at all.
    assert events > 200


def test_no_rubbish_is_answered_with_an_error_of_ours(tmp_path: Path) -> None:
    chance = random.Random("rubbish for the routes")
    with receiving(tmp_path) as (client, log):
        for number in range(330):
            kind = KINDS[number % len(KINDS)]
            topic, sample = chance.choice(SAMPLES[kind][1])
            body = json.dumps(mutated(sample, chance)).encode()
            if number % 5 == 0:
                body = body[: chance.randrange(len(body) + 1)]
            answer = client.post(url(kind), content=body, headers=signed(kind, body, topic=topic))
            assert answer.status_code in (200, 400), (kind, body, answer.text)
        assert log.events()
        assert all("failed on this delivery" not in letter["message"] for letter in log.dead_letters())
        assert BODIES.keys() == SAMPLES.keys()


def test_no_rubbish_in_headers_and_addresses_is_answered_with_an_error_of_ours(tmp_path: Path) -> None:
    chance = random.Random("rubbish in headers")
    pieces = [
        "t=",
        "v1=",
        ",",
        "sha256=",
        "sha1=",
        "ÿ",
        "é",
        "1769940000",
        "-1",
        "9" * 40,
        "=",
        "whsec_",
        " ",
        "\t",
        "%00",
    ]
    with receiving(tmp_path) as (client, log):
        for number in range(440):
            kind = KINDS[number % len(KINDS)]
            value = "".join(chance.choices(pieces, k=6)).strip()
            headers = [(name.encode(), value.encode("latin-1")) for name in signed(kind, b"{}")]
            assert client.post(url(kind), content=b"{}", headers=headers).status_code == 401
            keys = ("secret", "topic", "crc_token", "hub.mode", "hub.challenge", "hub.verify_token")
            query = {chance.choice(keys): value, "hub.mode": "subscribe"}
            assert client.get(url(kind), params=query).status_code in (200, 403, 405)
            assert client.get(f"/v1/webhooks/{quote(value) or 'x'}/{kind}").status_code == 404
        assert log.records == []
