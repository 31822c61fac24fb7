"""One delivery as Standard Webhooks (standardwebhooks.com) has it: its id, its body, its signature. Pure."""

import base64
import secrets
from datetime import datetime, timezone

from standardwebhooks import Webhook

from api.delivery.tail import Change
from schemas.identifier import uuid5_text

_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret to sign with: `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def webhook_id(change_id: str, subscription_id: str) -> str:
    """Return the id of a change's delivery: the same at every try and every replay, so receivers can tell a repeat."""
    return "msg_" + uuid5_text(f"webhook:{subscription_id}:{change_id}").replace("-", "")


def body_of(change: Change) -> bytes:
    """Return what is posted; `data` is the change, byte for byte as in the log."""
    head = f'{{"type":"segment.{change.change}","timestamp":"{change.at}","data":'
    return head.encode() + change.data + b"}"


def headers_of(signer: Webhook, id_: str, body: bytes, now: int) -> dict[str, str]:
    """Return the headers that name, date (`now` in ms) and sign a body."""
    moment = datetime.fromtimestamp(now // 1000, timezone.utc)
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(now // 1000),
        "webhook-signature": signer.sign(id_, moment, body.decode()),
    }
