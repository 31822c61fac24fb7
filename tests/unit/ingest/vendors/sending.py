"""A collector with sources of every kind, and the headers that each vendor would send."""

import hmac
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from tests.unit.ingest.memory import MemoryLog, collector

SECRET, PREVIOUS, URL_SECRET = "c3VwZXItc2VjcmV0LWN1cnJlbnQ=", "c3VwZXItc2VjcmV0LW9sZGVy", "in-the-address"
KINDS = (
    "shopify",
    "woocommerce",
    "magento",
    "stripe",
    "intercom",
    "zendesk",
    "chatwoot",
    "crisp",
    "meta",
    "x",
    "generic",
)
KEY = generate_private_key(65537, 2048)
_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sources_file(folder: Path) -> Path:
    """A sources file with one source of each kind, named as its kind."""
    sources: dict[str, Any] = {kind: {"kind": kind, "secrets": [SECRET, PREVIOUS]} for kind in KINDS}
    sources["magento"] = {"kind": "magento", "public_key": _PEM}
    sources["meta"]["verify_token"] = "token-of-the-shop"
    sources["generic"]["mapping"] = {
        "event": "Order Completed",
        "message_id": "$.receipt_no",
        "occurred_at": "$.sold_at",
        "identifiers": {"loyalty_id": "$.card"},
        "properties": {"total": "$.sum"},
    }
    sources["generic"]["channel"] = "order"
    sources["till"] = {**sources["generic"], "secrets": [], "url_secret": URL_SECRET}
    sources["off"] = {"kind": "shopify", "secrets": [SECRET], "disabled": True}
    sources["small"] = {"kind": "shopify", "secrets": [SECRET], "limits": {"batch_bytes": 2048}}
    sources["tight"] = {"kind": "shopify", "secrets": [SECRET], "limits": {"event_bytes": 32768}}
    sources["slow"] = {"kind": "shopify", "secrets": [SECRET], "limits": {"events_per_second": 1}}
    path = folder / "sources.yaml"
    path.write_text(json.dumps({"sources": sources}))
    return path


@contextmanager
def receiving(folder: Path) -> Iterator[tuple[TestClient, MemoryLog]]:
    """A client of a collector with these sources, and the log behind it."""
    with collector(sources=sources_file(folder), privacy_key="k" * 32) as both:
        yield both


def signed(kind: str, body: bytes, secret: str = SECRET, at: float | None = None, topic: str = "") -> dict[str, str]:
    """The headers with which a vendor of that kind signs a body at a time (seconds; now unless told)."""
    now = int(time.time() if at is None else at)
    if kind == "shopify":
        headers = {"X-Shopify-Hmac-Sha256": _base64(secret, body), "X-Shopify-Webhook-Id": "delivery-1"}
        return {**headers, "X-Shopify-Topic": topic or "orders/create", "X-Shopify-Shop-Domain": "s.example"}
    if kind == "woocommerce":
        headers = {"X-WC-Webhook-Signature": _base64(secret, body), "X-WC-Webhook-Delivery-ID": "delivery-1"}
        return {**headers, "X-WC-Webhook-Topic": topic or "order.created"}
    if kind == "magento":
        proof = KEY.sign(body, PKCS1v15(), SHA256()) if secret == SECRET else b"x" * 256
        return {"x-adobe-commerce-webhook-signature": b64encode(proof).decode()}
    if kind == "stripe":
        return {"Stripe-Signature": f"t={now},v1={_hex(secret, b'%d.' % now + body)}"}
    if kind == "intercom":
        return {"X-Hub-Signature": "sha1=" + _hex(secret, body, "sha1")}
    if kind == "zendesk":
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        signature = _base64(secret, stamp.encode() + body)
        return {"X-Zendesk-Webhook-Signature": signature, "X-Zendesk-Webhook-Signature-Timestamp": stamp}
    if kind == "chatwoot":
        return {"X-Chatwoot-Signature": "sha256=" + _hex(secret, b"%d." % now + body), "X-Chatwoot-Timestamp": str(now)}
    if kind == "crisp":
        signature = _hex(secret, b"[%d000;" % now + body + b"]")
        return {"X-Crisp-Signature": signature, "X-Crisp-Request-Timestamp": f"{now}000"}
    if kind == "meta":
        return {"X-Hub-Signature-256": "sha256=" + _hex(secret, body)}
    if kind == "x":
        return {"x-twitter-webhooks-signature": "sha256=" + _base64(secret, body)}
    return _standard(body, secret, now)


def _standard(body: bytes, secret: str, now: int) -> dict[str, str]:
    at = datetime.fromtimestamp(now, tz=timezone.utc)
    signature = Webhook(secret).sign("msg_1", at, body.decode("utf-8", "replace"))
    return {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature}


def _hex(secret: str, signed: bytes, digest: str = "sha256") -> str:
    return hmac.new(secret.encode(), signed, digest).hexdigest()


def _base64(secret: str, signed: bytes) -> str:
    return b64encode(hmac.new(secret.encode(), signed, "sha256").digest()).decode()
