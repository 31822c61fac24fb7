"""Magento and Adobe Commerce: orders, credit memos, shipments, invoices and customers.

Adobe Commerce's webhooks are signed with `x-adobe-commerce-webhook-signature`, base64 of RSA-SHA256 over the raw body,
where the shop has set that up; otherwise the address holds a secret. They do not name their topic: it stands in the
address (`?topic=order`), or follows from what the body holds, whose fields the shop chooses. Open-source Magento is
polled over REST, whose objects are the same.
https://developer.adobe.com/commerce/extensibility/webhooks/
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from textwrap import wrap
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.magento_objects import customer, order, refund, subscriber
from ingest.vendors.reading import first, obj, text
from ingest.vendors.signature import knows_url_secret
from schemas.source import Source

_PEM: Final = re.compile(r"-----BEGIN ((?:RSA )?PUBLIC KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----")
# What a topic is about: the first word that it holds. `sales_order_creditmemo_save_after` is about a credit memo.
_SUBJECTS: Final = ("creditmemo", "credit_memo", "invoice", "shipment", "subscriber", "customer", "order")
# Where the object lies: itself, under its name, or wrapped as Adobe's events are.
_WRAPPERS: Final = ((), ("data",), ("value",), ("event", "data"), ("data", "value"), ("event", "data", "value"))


def verify(delivery: Delivery) -> bool:
    """Tell whether Adobe Commerce signed the body or, for a source without a public key, the address has the secret."""
    pem = delivery.source.public_key
    if pem is None:
        return knows_url_secret(delivery)
    try:
        signature = b64decode(delivery.headers.get("x-adobe-commerce-webhook-signature", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(_signed_with(key, signature, delivery.body) for key in _keys(pem))


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Adobe Commerce has no handshake."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return the topic that the address or the body names, else what the body is about; and the request's id."""
    stated = delivery.query.get("topic") or text(content, "topic") or text(content, "event_code")
    identity = first(delivery.headers.get("x-adobe-commerce-request-id"), text(content, "event_id"))
    return Topic((stated or _shape(content)).strip().lower(), identity or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what a delivery says; None for a topic that is not understood."""
    subject = next((each for each in _SUBJECTS if each in topic), None)
    if subject is None:
        return None
    found = _object(content, subject)
    if subject in ("creditmemo", "credit_memo"):
        return [refund(found)]
    if subject == "customer":
        return [customer(found, source)]
    if subject == "subscriber":
        return [subscriber(found, source)]
    if subject == "order":
        return [order(topic, found, source)]
    # Invoices and shipments: the order's own state says what they make of it.
    return []


def _object(content: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
    for wrapper in _WRAPPERS:
        holder = obj(content, *wrapper)
        if named := obj(holder, subject):
            return named
    for wrapper in reversed(_WRAPPERS):
        if holder := obj(content, *wrapper):
            return holder
    return content


def _shape(content: Any) -> str:
    """Return the subject of a body whose topic nobody names, or an empty text where it could be anything."""
    for subject in _SUBJECTS:
        if any(obj(content, *wrapper, subject) for wrapper in _WRAPPERS):
            return subject
    found = _object(obj(content), "")
    if "grand_total" in found:
        is_memo = "order_id" in found and ("adjustment" in found or "creditmemo_status" in found)
        return "creditmemo" if is_memo else "invoice" if "order_id" in found else "order"
    if "subscriber_email" in found:
        return "subscriber"
    if "email" in found and "firstname" in found:
        return "customer"
    return ""


@lru_cache(maxsize=64)
def _keys(pem: str) -> list[RSAPublicKey]:
    """Return the RSA keys in a text of one or more PEM blocks: during a rotation the old one and the new one.

    YAML may have folded the lines.
    """
    keys = []
    for kind, body in _PEM.findall(pem):
        lines = "\n".join(wrap("".join(body.split()), 64))
        try:
            key = load_pem_public_key(f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n".encode())
        except ValueError:
            continue
        if isinstance(key, RSAPublicKey):
            keys.append(key)
    return keys


def _signed_with(key: RSAPublicKey, signature: bytes, body: bytes) -> bool:
    try:
        key.verify(signature, body, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
