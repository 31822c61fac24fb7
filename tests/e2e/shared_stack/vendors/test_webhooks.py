"""Webhooks through the whole stack: signed in other languages with the vendors' own packages, shuffled, repeated, cut.

What the API answers in the end must be exactly what the shops say.
"""

import json
import random
import socket
import subprocess
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import yaml

from tests.e2e.local_stack import LocalStack, eventually
from tests.e2e.sdks.stock import node, package
from tests.unit.ingest.vendors import test_chats as chats
from tests.unit.ingest.vendors import test_magento as magento
from tests.unit.ingest.vendors import test_shopify as shopify
from tests.unit.ingest.vendors import test_social as social
from tests.unit.ingest.vendors import test_stripe as stripe
from tests.unit.ingest.vendors import test_woocommerce as woocommerce
from tests.unit.ingest.vendors.test_shopify_deliveries import LIFE

pytestmark = pytest.mark.e2e

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = {"authorization": "Bearer at_test"}
Delivery = dict[str, Any]


def source(kind: str) -> str:
    return f"hooks-{kind}"


@pytest.fixture(scope="module")
def hooks(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adds a source of each kind to the running stack; returns Magento's private key, made by openssl."""
    folder = tmp_path_factory.mktemp("hooks")
    key, public = folder / "key.pem", folder / "public.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(public)], check=True, capture_output=True)
    file = stack.folder.sources
    document = yaml.safe_load(file.read_text())
    for kind in (
        "shopify",
        "woocommerce",
        "stripe",
        "intercom",
        "zendesk",
        "chatwoot",
        "crisp",
        "meta",
        "x",
        "generic",
    ):
        document["sources"][source(kind)] = {"kind": kind, "secrets": [SECRET, "the-one-before"]}
    document["sources"][source("woocommerce")]["country"] = "FR"
    document["sources"][source("generic")] |= {
        "channel": "order",
        "mapping": {
            "event": "Order Completed",
            "message_id": "$.receipt_no",
            "occurred_at": "$.sold_at",
            "identifiers": {"email": "$.mail"},
            "properties": {"total": "$.sum", "currency": "EUR"},
        },
    }
    document["sources"][source("magento")] = {"kind": "magento", "public_key": public.read_text()}
    file.write_text(json.dumps(document))
    address = f"{stack.collector}/v1/webhooks/shopify/{source('shopify')}"
    eventually(lambda: httpx2.head(address).status_code == 200)
    return key


def delivery(stack: LocalStack, kind: str, content: Any, **headers: str) -> Delivery:
    url = f"{stack.collector}/v1/webhooks/{kind}/{source(kind)}"
    return {"url": url, "kind": kind, "secret": SECRET, "body": json.dumps(content, indent=2), "headers": headers}


def everything(stack: LocalStack, key: Path) -> list[Delivery]:
    """The life of an order at each shop, and what its customers say elsewhere."""
    found = [
        delivery(stack, "shopify", content, **{"X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": number})
        for topic, content, number in [
            *LIFE,
            ("customers/update", shopify.CUSTOMER, "c1"),
            ("a/b", {"id": 1}, "u"),
        ]
    ]
    found += [
        delivery(stack, "woocommerce", content, **{"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Delivery-ID": number})
        for topic, content, number in woocommerce.LIFE
    ]
    for topic, content, number in magento.LIFE:
        each = delivery(stack, "magento", content, **{"x-adobe-commerce-request-id": number})
        each["url"] += f"?topic={topic}"
        signer = ["openssl", "dgst", "-sha256", "-sign", str(key)]
        proof = subprocess.run(signer, input=each["body"].encode(), check=True, capture_output=True).stdout
        each["headers"]["x-adobe-commerce-webhook-signature"] = b64encode(proof).decode()
        found.append(each)
    charge = {**stripe.CHARGE, "customer": "cus_9"}
    whatsapp = {
        "from": "33612345678",
        "id": "wamid.1",
        "timestamp": "1769940000",
        "type": "text",
        "text": {"body": "é"},
    }
    follow = {"type": "follow", "created_timestamp": "1769940000000", "source": {"id": "22"}, "target": {"id": "1"}}
    return [
        *found,
        delivery(stack, "stripe", stripe.event_of("charge.succeeded", charge)),
        delivery(stack, "intercom", chats.intercom("conversation.user.created", chats.CONVERSATION)),
        delivery(stack, "zendesk", chats.zendesk("user.created", id="8447", external_id="u1", email="j@x.fr")),
        delivery(stack, "chatwoot", chats.chatwoot("incoming", chats.CONTACT)),
        delivery(stack, "crisp", chats.crisp("session:set_email", email="J@x.fr")),
        delivery(stack, "meta", social.whatsapp(messages=[whatsapp])),
        delivery(stack, "x", {"for_user_id": "1", "follow_events": [follow]}),
        delivery(
            stack, "generic", {"receipt_no": 5, "mail": "j@x.fr", "sum": "12,50", "sold_at": "2026-02-01T10:00:00Z"}
        ),
    ]


def send(deliveries: list[Delivery]) -> list[int]:
    package("stripe")
    script = Path(__file__).with_name("sign.mjs")
    run = subprocess.run(
        [node(), str(script)], input=json.dumps(deliveries), capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    statuses: list[int] = json.loads(run.stdout)
    return statuses


def cut(one: Delivery) -> None:
    """Send half of a delivery, and go away."""
    address, body = urlsplit(one["url"]), one["body"].encode()
    head = f"POST {address.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head + body[: len(body) // 2])
        time.sleep(0.05)


def answer(stack: LocalStack, path: str) -> Any:
    response = httpx2.get(f"{stack.api}{path}", headers=TOKEN, timeout=30)
    assert response.status_code == 200, (path, response.text)
    return response.json()


def test_the_final_state_is_exact(stack: LocalStack, hooks: Path) -> None:
    once = everything(stack, hooks)
    deliveries = [*once, *random.Random(1).choices(once, k=20)]
    random.Random(2).shuffle(deliveries)
    for one in once[:5]:
        cut(one)
    assert send(deliveries) == [200] * len(deliveries)
    wrong = [
        {**one, "secret": "guessed", "headers": {**one["headers"], "x-adobe-commerce-webhook-signature": "AAAA"}}
        for one in once
    ]
    changed = [{**one, "sent": one["body"] + " "} for one in once]
    assert send([*wrong, *changed]) == [401] * (2 * len(once))
    stack.kith("wait")

    orders = {
        (order["store"], order["order_id"]): [
            order[key] for key in ("status", "total", "refunded", "currency", "version")
        ]
        for who in ("email:bob@biller.com", "user_id:u1", "email:roni@cost.example")
        for order in answer(stack, f"/v1/profiles/{who}/orders")["items"]
    }
    assert orders == {
        ("hooks-shopify", "820982911946154508"): ["partially_refunded", "398.00", "41.94", "USD", 6],
        ("hooks-woocommerce", "727"): ["partially_refunded", "29.35", "12.35", "EUR", 5],
        ("hooks-magento", "3"): ["partially_refunded", "36.39", "10.50", "USD", 5],
        ("hooks-generic", "5"): ["placed", "12.50", "0.00", "EUR", 1],
    }
    person = answer(stack, "/v1/profiles/user_id:u1")
    assert {f"{each['type']}:{each['value']}" for each in person["identifiers"]} == {
        "user_id:u1",
        "woocommerce:hooks-woocommerce:12",
        "stripe:hooks-stripe:cus_9",
        "email:jane.doe@x.fr",
        "email:j@x.fr",
        "phone:+33612345678",
        "intercom:5ba6",
        "zendesk:hooks-zendesk:8447",
        "chatwoot:hooks-chatwoot:12",
        "crisp:session_1",
        "whatsapp:33612345678",
        "anonymous_id:a1",
    }
    # 29.35 less 12.35 given back, and the till's 12.50; a payment is no order.
    assert (person["orders"]["count"], person["orders"]["revenue"]) == (2, {"EUR": "29.50"})
    bob = answer(stack, "/v1/profiles/shopify:hooks-shopify:706405506930370084")
    assert (bob["orders"]["count"], bob["traits"]["first_name"]) == (1, "Bob")
    assert bob["consent"]["email_marketing"]["granted"] is True
    letters = answer(stack, "/v1/dead-letters?source=hooks-shopify")["items"]
    assert [(letter["reason"], json.loads(letter["payload"])["topic"]) for letter in letters] == [
        ("unknown_topic", "a/b")
    ]


def test_a_redaction_erases_and_a_tag_manager_s_order_counts(stack: LocalStack, hooks: Path) -> None:
    person = {"id": 99, "email": "gone@x.fr", "first_name": "Gone", "updated_at": "2026-02-01T10:00:00Z"}
    order = {**shopify.ORDER, "id": 4711, "customer": person, "email": "gone@x.fr", "cart_token": "gone"}
    redact = {"shop_id": 1, "shop_domain": "s.example", "customer": {"id": 99, "email": "gone@x.fr"}}
    shop = [("customers/create", person, "g1"), ("orders/create", order, "g2"), ("customers/redact", redact, "g3")]
    sent = [
        delivery(stack, "shopify", content, **{"X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": number})
        for topic, content, number in shop
    ]
    item = {"item_id": "S-1", "price": 9.5, "quantity": 1}
    purchase = {"transaction_id": "T-1", "value": 9.5, "currency": "EUR", "items": [item]}
    measured = {"client_id": "1.2", "user_id": "ga-1", "events": [{"name": "purchase", "params": purchase}]}
    collect = f"{stack.collector}/mp/collect?measurement_id=G-1&api_secret=wk_test"
    assert httpx2.post(collect, json=measured).status_code == 200
    assert send(sent[:2]) == [200, 200]
    stack.kith("wait")
    assert answer(stack, "/v1/profiles/email:gone@x.fr")["orders"]["count"] == 1
    assert answer(stack, "/v1/profiles/user_id:ga-1")["orders"]["revenue"] == {"EUR": "9.50"}

    assert send(sent[2:] * 2) == [200, 200]
    gone = f"{stack.api}/v1/profiles/shopify:hooks-shopify:99"
    eventually(lambda: httpx2.get(gone, headers=TOKEN).status_code == 404)
    stack.kith("wait")
    assert httpx2.get(f"{stack.api}/v1/profiles/email:gone@x.fr", headers=TOKEN).status_code == 404
