"""Records of the log as tests write them."""

from dataclasses import dataclass
from typing import Any

from schemas.codec import dumps
from schemas.identifier import Identifier, event_id_of, seed_of
from schemas.topics import Topics

TOPICS = Topics("t.")
SEED = seed_of(Identifier("user_id", "u1"))
OTHER = seed_of(Identifier("user_id", "u2"))
AT = "2026-01-31T10:15:00.123Z"
AT_MS = 1769854500123


@dataclass
class Log:
    """One record."""

    topic: str
    value: bytes | None
    offset: int = 0
    partition: int = 0
    key: bytes | None = None
    timestamp: int = AT_MS


def event(message_id: str = "m1", seed: str = SEED, **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "event_id": event_id_of("shop", message_id),
        "source": "shop",
        "channel": "web",
        "type": "track",
        "event": "Product Viewed",
        "message_id": message_id,
        "seed": seed,
        "identifiers": [{"type": "user_id", "value": "u1"}],
        "occurred_at": AT,
        "received_at": AT,
        "sent_at": None,
        "original_timestamp": AT,
        "properties": {"price": "19.90"},
        "traits": {},
        "context": {},
        "integrations": {},
        "flags": ["bot"],
        **changes,
    }


def event_record(
    message_id: str = "m1", offset: int = 0, partition: int = 0, channel: str = "web", **changes: Any
) -> Log:
    value = dumps(event(message_id, channel=channel, **changes))
    return Log(TOPICS.events[channel], value, offset, partition)


def assignment(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "seed": SEED,
        "type": "user_id",
        "value": "u1",
        "from": None,
        "to": None,
        "profile_id": OTHER,
        "version": 3,
        **changes,
    }


def profile(**changes: Any) -> dict[str, Any]:
    return {
        "profile_id": SEED,
        "aliases": [OTHER],
        "version": 42,
        "as_of": AT,
        "identifiers": [{"type": "user_id", "value": "u1", "first_seen": AT, "last_seen": AT}],
        "traits": {"country": "FR", "age": 30},
        "segments": [{"id": "vip", "since": AT}],
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "seed": SEED,
        "order_id": "1001",
        "store": "shop-a",
        "status": "paid",
        "total": "120.50",
        "refunded": "0.00",
        "currency": "EUR",
        "placed_at": AT,
        "updated_at": AT,
        "customer": None,
        "items": [{"product_id": "sku-1", "name": None, "category": "shoes", "quantity": 2, "price": "19.90"}],
        "history": [{"status": "paid", "at": AT}],
        "version": 2,
        **changes,
    }


def change(sequence: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "change_id": f"c{sequence}",
        "segment_id": "vip",
        "segment_version": 3,
        "profile_id": SEED,
        "change": "entered" if sequence % 2 else "exited",
        "sequence": sequence,
        "at": AT,
        "because": {"kind": "event", "event_id": "e"},
        "identifiers": [],
        "aliases": [],
        **changes,
    }


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "decision_id": "d1",
        "kind": "join",
        "profile_id": SEED,
        "other_profile_id": None,
        "a": {"type": "user_id", "value": "u1"},
        "b": {"type": "email", "value": "a@x.fr"},
        "rule": "pair",
        "at": AT,
        "event_ids": [event_id_of("shop", "m1")],
        "message": "seen together",
        "version": 7,
        **changes,
    }


def replay(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "id": "x",
        "source": "shop",
        "at": AT,
        "outcome": "rejected",
        "event_ids": [],
        "reason": "invalid_event",
        "message": "no",
        "corrected": False,
        **changes,
    }


def dead_letter(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "id": "x",
        "source": "shop",
        "reason": "invalid_event",
        "message": "no",
        "at": AT,
        "payload": "{}",
        **changes,
    }
