"""Proofs that a delivery is the vendor's: keyed hashes over the raw bytes, secrets in the URL, and their age.

Every comparison takes the same time whatever it compares, and every secret of a source is tried, so that a shop can
rotate: the new one beside the old one until the vendor signs with the new one.
"""

import hmac
from base64 import b64encode
from typing import Final, Literal

from ingest.vendors.delivery import Delivery
from schemas.source import Source

# How far a signed timestamp may lie from our clock, either way: what Stripe and Standard Webhooks recommend.
TOLERANCE_MS: Final = 300_000

Digest = Literal["sha1", "sha256"]
Form = Literal["hex", "base64"]


def is_signed(
    source: Source, signed: bytes, signatures: list[str], digest: Digest = "sha256", form: Form = "hex"
) -> bool:
    """Tell whether any of `signatures` is the HMAC of `signed` under any of the source's secrets."""
    found = False
    for secret in source.secrets:
        mac = hmac.new(secret.get_secret_value().encode(), signed, digest)
        expected = mac.hexdigest() if form == "hex" else b64encode(mac.digest()).decode()
        for signature in signatures:
            found |= equal(expected, signature)
    return found


def signature(source: Source, signed: bytes) -> str:
    """Return the base64 HMAC-SHA256 of `signed` under the source's first secret; empty where it has none."""
    if not source.secrets:
        return ""
    mac = hmac.new(source.secrets[0].get_secret_value().encode(), signed, "sha256")
    return b64encode(mac.digest()).decode()


def knows_url_secret(delivery: Delivery) -> bool:
    """Tell whether the request names the source's `url_secret` as `?secret=`."""
    expected = delivery.source.url_secret
    return expected is not None and equal(expected.get_secret_value(), delivery.query.get("secret", ""))


def equal(expected: str, given: str) -> bool:
    """Compare two texts in constant time; nothing equals an empty expectation."""
    same = hmac.compare_digest(expected.encode(), given.strip().encode("utf-8", "surrogatepass"))
    return same and bool(expected)


def is_recent(timestamp_ms: int | None, delivery: Delivery) -> bool:
    """Tell whether a signed timestamp is close enough to the time of receipt; a missing one is not."""
    return timestamp_ms is not None and abs(delivery.received - timestamp_ms) <= TOLERANCE_MS


def whole(text: str) -> int | None:
    """Return a header's whole number, or None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
