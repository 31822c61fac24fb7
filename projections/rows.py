"""From a record of the log to the rows that it becomes: one function per topic, pure.

A function gets the record's key and value and the place (topic, partition, offset) that it was read from, and answers
one row, or none, for each table of its topic. Whatever it raises makes the record a dead letter.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schemas.codec import dumps, loads
from schemas.times import EARLIEST, LATEST, to_millis

Place = tuple[str, int, int]
Row = tuple[Any, ...]
Rows = tuple[Row | None, ...]
Build = Callable[[bytes | None, bytes | None, Place], Rows]

_NOBODY = "00000000-0000-0000-0000-000000000000"
_BOUND = Decimal(10) ** 34  # of Decimal(38, 4)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def event_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the archive's row of a canonical event."""
    event = loads(_present(value))
    return (
        (
            _uuid(event["event_id"]),
            event["source"],
            event["channel"],
            event["type"],
            event["event"] or "",
            event["message_id"],
            event["seed"],
            [(identifier["type"], identifier["value"]) for identifier in event["identifiers"]],
            _time(event["occurred_at"]),
            _time(event["received_at"]),
            _maybe_time(event["sent_at"]),
            _maybe_time(event["original_timestamp"]),
            _json(event["properties"]),
            _json(event["traits"]),
            _json(event["context"]),
            _json(event["integrations"]),
            event["flags"],
            value,
            *place,
        ),
    )


def assignment_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the candidate and the slice of an assignment; a slice without a profile exists no longer."""
    record = loads(_present(value))
    start = EARLIEST if record["from"] is None else _clamped(record["from"])
    end = LATEST if record["to"] is None else _clamped(record["to"])
    profile_id = record["profile_id"]
    state = (record["seed"], start, end, profile_id or _NOBODY, record["type"], record["value"], record["version"])
    candidate = (profile_id, record["seed"]) if profile_id else None
    return candidate, (*state, profile_id is None, *place)


def profile_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the state of a profile; a record without a value says that the profile ceased."""
    if value is None:
        return ((_text(key), 0, "", [], "{}", [], True, *place),)
    profile = loads(value)
    return (
        (
            profile["profile_id"],
            profile["version"],
            value,
            [(identifier["type"], identifier["value"]) for identifier in profile["identifiers"]],
            _json(profile["traits"]),
            [segment["id"] for segment in profile["segments"]],
            False,
            *place,
        ),
    )


def order_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the state of an order; a record without a value says that the order exists no longer."""
    if value is None:
        nothing: list[Any] = []
        amounts = (Decimal(0), Decimal(0))
        lines = (nothing, nothing, nothing, nothing, nothing)
        return ((_text(key), "", "", "", *amounts, "", None, EARLIEST, *lines, "[]", "", 0, True, *place),)
    order = loads(value)
    items = order["items"]
    return (
        (
            order["seed"],
            order["order_id"],
            order["store"],
            order["status"],
            _amount(order["total"]),
            _amount(order["refunded"]),
            order["currency"] or "",
            _maybe_time(order["placed_at"]),
            _time(order["updated_at"]),
            [item["product_id"] or "" for item in items],
            [item["name"] or "" for item in items],
            [item["category"] or "" for item in items],
            [_amount(item["quantity"]) for item in items],
            [_amount(item["price"]) for item in items],
            _json(order["history"]),
            value,
            order["version"],
            False,
            *place,
        ),
    )


def change_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the membership that a segment change leaves behind, and the change."""
    change = loads(_present(value))
    pair = (change["segment_id"], change["profile_id"])
    at = _time(change["at"])
    entered = {"entered": True, "exited": False}[change["change"]]
    return (
        (*pair, at, entered, change["sequence"]),
        (
            change["change_id"],
            change["segment_id"],
            change["segment_version"],
            change["profile_id"],
            change["change"],
            change["sequence"],
            at,
            _json(change["because"]),
            value,
            *place,
        ),
    )


def definition_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the state of a segment's definition; one without a definition was deleted."""
    if value is None:
        return ((_text(key), 0, "", EARLIEST, True, *place),)
    record = loads(value)
    definition = record["definition"]
    text = "" if definition is None else _json(definition)
    state = (record["segment_id"], record["version"], text, _time(record["updated_at"]), definition is None)
    return ((*state, *place),)


def decision_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the row of an identity decision."""
    decision = loads(_present(value))
    a, b = decision["a"], decision["b"]
    return (
        (
            decision["decision_id"],
            decision["kind"],
            decision["profile_id"],
            decision["other_profile_id"],
            (a["type"], a["value"]),
            (b["type"], b["value"]) if b else ("", ""),
            decision["rule"],
            _time(decision["at"]),
            decision["event_ids"],
            decision["message"],
            decision["version"],
            value,
            *place,
        ),
    )


def dead_letter_rows(key: bytes | None, value: bytes | None, place: Place) -> Rows:
    """Return the row of a dead letter."""
    letter = loads(_present(value))
    fields = (
        letter["id"],
        letter["source"],
        letter["reason"],
        letter["message"],
        _time(letter["at"]),
        letter["payload"],
    )
    return ((*fields, *place),)


def _present(value: bytes | None) -> bytes:
    if value is None:
        raise ValueError("the record has no value")
    return value


def _text(key: bytes | None) -> str:
    if key is None:
        raise ValueError("the record has neither key nor value")
    return key.decode()


def _json(value: Any) -> str:
    # As text and not as bytes: bytes that orjson made hold on to 4 KB each for as long as they are kept.
    return dumps(value).decode()


def _time(text: str) -> int:
    return _clamped(to_millis(text))


def _maybe_time(text: str | None) -> int | None:
    return None if text is None else _time(text)


def _clamped(millis: int) -> int:
    """Return an instant that DateTime64(3) can hold."""
    return min(max(millis, EARLIEST), LATEST)


def _amount(value: str | float | None) -> Decimal:
    amount = Decimal(str(value or 0))
    if not amount.is_finite() or not -_BOUND < amount < _BOUND:
        raise ValueError(f"the amount {value} is beyond Decimal(38, 4)")
    return amount


def _uuid(text: str) -> str:
    # Event ids become part of a statement (see `archive`), so what they are made of is checked here.
    if _UUID.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no UUID")
    return text
