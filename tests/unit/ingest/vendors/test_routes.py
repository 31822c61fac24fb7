"""Webhooks as vendors see them: signed, challenged, refused, repeated; a log in memory behind them."""

import gzip
import hmac
import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import stripe

from ingest.vendors.signature import equal
from schemas.identifier import Identifier
from schemas.privacy import keyed_hash
from tests.unit.ingest.vendors.sending import KINDS, PREVIOUS, SECRET, URL_SECRET, receiving, signed

# One delivery of each vendor that makes at least one event.
BODIES: dict[str, dict[str, Any]] = {
    "shopify": {"id": 1, "email": "a@x.fr", "total_price": "5.00", "currency": "EUR"},
    "woocommerce": {
        "id": 1,
        "status": "processing",
        "billing": {"email": "a@x.fr"},
        "total": "5.00",
        "currency": "EUR",
    },
    "magento": {"order": {"entity_id": 1, "state": "new", "customer_email": "a@x.fr", "grand_total": 5}},
    "stripe": {"id": "evt_1", "type": "charge.succeeded", "data": {"object": {"receipt_email": "a@x.fr"}}},
    "intercom": {"topic": "contact.created", "id": "n1", "data": {"item": {"id": "i1", "email": "a@x.fr"}}},
    "zendesk": {"type": "zen:event-type:ticket.created", "id": "z1", "detail": {"id": "5", "requester_id": "77"}},
    "chatwoot": {"event": "contact_created", "id": 5, "email": "a@x.fr"},
    "crisp": {
        "event": "session:set_email",
        "data": {"session_id": "s1", "email": "a@x.fr"},
        "timestamp": 1767225600000,
    },
    "meta": {
        "object": "page",
        "entry": [{"id": "p", "messaging": [{"sender": {"id": "9"}, "message": {"mid": "m", "text": "é"}}]}],
    },
    "x": {"for_user_id": "1", "follow_events": [{"type": "follow", "source": {"id": "2"}, "target": {"id": "1"}}]},
    "generic": {"receipt_no": 5, "card": "c1", "sum": 12.5},
}
TIMED = ("stripe", "zendesk", "chatwoot", "crisp", "generic")


def url(kind: str, source: str | None = None) -> str:
    return f"/v1/webhooks/{kind}/{source or kind}"


def raw(kind: str) -> bytes:
    # Spaces and an escaped character: what is signed are these bytes, not what JSON writes for the same value.
    return json.dumps(BODIES[kind], indent=1).encode()


def test_every_vendor_s_signature(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        for kind in KINDS:
            body = raw(kind)
            answer = client.post(url(kind), content=body, headers=signed(kind, body))
            assert answer.status_code == 200, (kind, answer.text)
            assert answer.json() == ({"op": "success"} if kind == "magento" else {"success": True})
            assert [event["source"] for event in log.events()][-1] == kind
            if kind != "magento":
                assert client.post(url(kind), content=body, headers=signed(kind, body, PREVIOUS)).status_code == 200
        assert log.dead_letters() == []
        # The same delivery twice is the same message twice.
        twice = [event["event_id"] for event in log.events() if event["source"] == "shopify"]
        assert len(twice) == 2
        assert len(set(twice)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_that_are_wrong(tmp_path: Path, kind: str) -> None:
    with receiving(tmp_path) as (client, log):
        body = raw(kind)
        right = signed(kind, body)
        wrong: list[tuple[bytes, dict[str, str]]] = [
            (body, {}),
            (body, signed(kind, body, "another")),
            (body + b" ", right),
            (body.replace(b'"', b"'", 1), right),
            (b"", right),
            (body, {name: value[:-4] for name, value in right.items()}),
            (body, dict.fromkeys(right, "")),
            (body, dict.fromkeys(right, "ÿ=,=;v1=é sha256=")),
            (body, dict.fromkeys(right, "v1,%%%")),
        ]
        if kind in TIMED:
            wrong += [(body, signed(kind, body, at=time.time() + off)) for off in (-400, 400, -(10**9))]
        for content, headers in wrong:
            encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            answer = client.post(url(kind), content=content, headers=encoded)
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature"), headers
        assert log.records == []


def test_stripe_s_own_signer(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        text = raw("stripe").decode()
        for secret in (SECRET, PREVIOUS):
            header = stripe.WebhookSignature.generate_signature_header(text, secret)
            # During a rotation Stripe signs with both secrets.
            several = f"{header},v1={'0' * 64},v0=abc"
            assert client.post(url("stripe"), content=text, headers={"stripe-signature": several}).status_code == 200
        assert {event["message_id"] for event in log.events()} == {"evt_1"}


def test_a_secret_in_the_address(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        address = url("generic", "till")
        assert client.post(f"{address}?secret={URL_SECRET}", json=BODIES["generic"]).status_code == 200
        for query in ("", "?secret=", "?secret=wrong", f"?secret={URL_SECRET}x"):
            assert client.post(address + query, json=BODIES["generic"]).status_code == 401
        (event,) = log.events()
        assert (event["event"], event["message_id"], event["properties"]["order_id"]) == ("Order Completed", "5", "5")


@pytest.mark.parametrize(
    ("expected", "given", "same"),
    [("a", "a", True), ("a", " a ", True), ("a", "b", False), ("", "", False), ("", "a", False), ("é", "é", True)],
)
def test_nothing_equals_a_secret_that_is_empty(expected: str, given: str, same: bool) -> None:
    assert equal(expected, given) is same


def test_challenges(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, _):
        ask = {"hub.mode": "subscribe", "hub.verify_token": "token-of-the-shop", "hub.challenge": "1158201444"}
        answer = client.get(url("meta"), params=ask)
        assert (answer.status_code, answer.text) == (200, "1158201444")
        assert answer.headers["content-type"].startswith("text/plain")
        assert client.get(url("meta"), params={**ask, "hub.verify_token": "guess"}).status_code == 403
        assert client.get(url("meta"), params={**ask, "hub.mode": "other"}).status_code == 405
        # RFC 4231's way, computed by hand: HMAC-SHA256 of the token under the first secret.
        answer = client.get(url("x"), params={"crc_token": "abc", "nonce": "1"})
        assert answer.json()["response_token"].startswith("sha256=")
        assert client.head(url("intercom")).status_code == 200
        assert client.get(url("shopify")).json()["code"] == "method_not_allowed"


def test_x_s_challenge_is_answered_under_the_secret(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, _):
        expected = b64encode(hmac.new(SECRET.encode(), b"abc", "sha256").digest()).decode()
        answer = client.get(url("x"), params={"crc_token": "abc"})
        assert answer.json() == {"response_token": f"sha256={expected}"}


def test_woocommerce_s_ping(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert client.post(url("woocommerce"), content=b"webhook_id=15", headers=form).status_code == 200
        assert log.records == []


def test_addresses_that_nobody_has(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, _):
        for kind, source in [
            ("shopify", "nobody"),
            ("stripe", "shopify"),
            ("fax", "shopify"),
            ("tracking", "default"),
            ("shopify", "off"),
        ]:
            body = raw("shopify")
            assert client.post(url(kind, source), content=body, headers=signed("shopify", body)).status_code == 404
            assert client.get(url(kind, source)).status_code == 404


def test_an_unknown_topic_is_taken_and_kept(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        body = b'{"id": 7, "handle": "shoes"}'
        for _ in range(2):
            answer = client.post(url("shopify"), content=body, headers=signed("shopify", body, topic="products/create"))
            assert answer.status_code == 200
        first, second = log.dead_letters()
        assert (first["reason"], first["id"]) == ("unknown_topic", second["id"])
        assert json.loads(first["payload"]) == {
            "type": "webhook",
            "kind": "shopify",
            "topic": "products/create",
            "messageId": "delivery-1",
            "body": {"id": 7, "handle": "shoes"},
        }


@pytest.mark.parametrize(
    ("body", "status", "kept"),
    [
        (b"", 200, 0),
        (b"  \n", 200, 0),
        (b"not json", 400, 0),
        (b'{"id": ', 400, 0),
        (b'{"id": NaN}', 400, 0),
        (b"[" * 2000, 400, 0),
        (b'{"id": ' + b'{"a":' * 600 + b"1" + b"}" * 601, 400, 0),
        (b"null", 200, 1),
        (b'"text"', 200, 1),
        (b"[]", 200, 0),
        (b"[1, {}]", 200, 2),
        (b'{"id": 5, "email": "\xff\xfe@x.fr"}', 200, 1),
        (b'{"x": "' + b"a" * 3000 + b'"}', 400, 0),
    ],
)
def test_bodies_that_are_no_orders(tmp_path: Path, body: bytes, status: int, kept: int) -> None:
    with receiving(tmp_path) as (client, log):
        answer = client.post(url("shopify", "small"), content=body, headers=signed("shopify", body))
        assert (answer.status_code, len(log.records)) == (status, kept), answer.text


def test_an_order_of_hundreds_of_products_is_an_event(tmp_path: Path) -> None:
    lines = [
        {"product_id": number, "title": f"Shirt {number}", "price": "9.90", "quantity": 1} for number in range(500)
    ]
    body = json.dumps({**BODIES["shopify"], "line_items": lines}).encode()
    with receiving(tmp_path) as (client, log):
        assert client.post(url("shopify"), content=body, headers=signed("shopify", body)).status_code == 200
        assert len(log.events()[0]["properties"]["products"]) == 500
        # What the file says counts.
        assert client.post(url("shopify", "tight"), content=body, headers=signed("shopify", body)).status_code == 200
        assert [letter["reason"] for letter in log.dead_letters()] == ["event_too_large"]


def test_a_list_holds_no_more_than_a_batch(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        address = f"{url('generic', 'till')}?secret={URL_SECRET}"
        receipts = [{**BODIES["generic"], "receipt_no": number} for number in range(2501)]
        assert client.post(address, json=receipts).json()["code"] == "too_many_events"
        assert client.post(address, json=receipts[:2500]).status_code == 200
        assert len(log.events()) == 2500


def test_a_source_s_rate_holds_for_its_webhooks(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, _):
        body = raw("shopify")
        statuses = [
            client.post(url("shopify", "slow"), content=body, headers=signed("shopify", body)).status_code
            for _ in range(5)
        ]
        assert (statuses[0], statuses[-1]) == (200, 429)


def test_other_charsets_and_encodings(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        order = {**BODIES["shopify"], "shipping_lines": [], "line_items": [{"product_id": 1, "title": "Bücher"}]}
        latin = json.dumps(order, ensure_ascii=False).encode("latin-1")
        for type_ in ("application/json; charset=ISO-8859-1", 'application/json; charset="latin1"'):
            headers = {**signed("shopify", latin), "content-type": type_}
            assert client.post(url("shopify"), content=latin, headers=headers).status_code == 200
        packed = gzip.compress(latin)
        headers = {**signed("shopify", latin), "content-type": "a; charset=latin-1", "content-encoding": "gzip"}
        assert client.post(url("shopify"), content=packed, headers=headers).status_code == 200
        assert {event["properties"]["products"][0]["name"] for event in log.events()} == {"Bücher"}
        headers = {**signed("shopify", latin), "content-type": "application/json; charset=klingon"}
        assert client.post(url("shopify"), content=latin, headers=headers).status_code == 200


def test_kafka_is_away(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        log.away = True
        body = raw("shopify")
        answer = client.post(url("shopify"), content=body, headers=signed("shopify", body))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_a_redaction_asks_for_an_erasure_and_names_nobody_where_it_is_kept(tmp_path: Path) -> None:
    customer = {"id": 191167, "email": "John@example.com", "phone": "+33612345678"}
    body = json.dumps(
        {"shop_id": 1, "shop_domain": "s.example", "customer": customer, "orders_to_redact": [1]}
    ).encode()
    with receiving(tmp_path) as (client, log):
        headers = signed("shopify", body, topic="customers/redact")
        for _ in range(2):
            assert client.post(url("shopify"), content=body, headers=headers).status_code == 200
        orders, requests = log.values("profiles.inbox"), log.values("privacy.requests")
        assert orders[0]["items"][0][1]["identifier"] == ["shopify:shopify", "191167"]
        assert requests[0]["request_id"] == requests[1]["request_id"]
        hashes = [each["hash"] for each in requests[0]["hidden"]]
        assert (requests[0]["by"], requests[0]["mode"]) == ("shopify", "erase")
        assert keyed_hash(b"k" * 32, Identifier("email", "john@example.com")) in hashes
        assert len(hashes) == 3
        kept = [value for (topic, _, value), _ in log.records if "inbox" not in topic]
        assert not any(b"john" in value.lower() or b"191167" in value for value in kept)
        body = b'{"customer": {"id": null}}'
        headers = signed("shopify", body, topic="customers/redact")
        assert client.post(url("shopify"), content=body, headers=headers).status_code == 200
        assert [letter["reason"] for letter in log.dead_letters()] == ["no_usable_identifier"]


def test_a_copy_and_a_whole_shop_are_for_an_operator(tmp_path: Path) -> None:
    with receiving(tmp_path) as (client, log):
        body = b'{"shop_id": 1, "customer": {"id": 5}, "orders_requested": [1, 2], "data_request": {"id": 9}}'
        for topic in ("customers/data_request", "shop/redact"):
            assert (
                client.post(url("shopify"), content=body, headers=signed("shopify", body, topic=topic)).status_code
                == 200
            )
        (event,) = log.events()
        assert (event["event"], event["properties"]["request_id"]) == ("Personal Data Requested", "9")
        assert [letter["reason"] for letter in log.dead_letters()] == ["shop_redaction"]
