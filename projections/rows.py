"""From a record of the log to the rows that it becomes: one function per topic, pure.

A function gets a record of its topic and answers one row, or none, for each table of the topic; the last three columns
of a topic's own table say where the record was read from. Whatever a function raises makes the record a dead letter.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from schemas.codec import dumps_text, loads
from schemas.times import EARLIEST, LATEST, to_millis

Row = tuple[Any, ...]
# One for each table of the topic, in their order.
Rows = tuple[Row | None, ...]

_NOBODY = "00000000-0000-0000-0000-000000000000"
_BOUND = Decimal(10) ** 34  # of Decimal(38, 4)
_FRACTIONS = {f".{millis:03d}Z": millis for millis in range(1000)}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Record(Protocol):
    """What is used of a record of the log; `record.Record` has it. `timestamp` is in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def event_rows(record: Record) -> Rows:
    """Return the archive's row of a canonical event."""
    event = loads(_value(record))
    return (
        (
            _uuid(event["event_id"]),
            event["source"],
            event["channel"],
            event["type"],
            event["event"] or "",
            event["message_id"],
            _seed(event["seed"]),
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
            record.value,
            *_place(record),
        ),
    )


def assignment_rows(record: Record) -> Rows:
    """Return the candidate and the slice of an assignment; a slice without a profile exists no longer.

    An erased one is ended by a record of that kind first; what follows without a value only lets the log forget it.
    """
    if record.value is None:
        return None, None
    slice_ = loads(_value(record))
    start = EARLIEST if slice_["from"] is None else _clamped(slice_["from"])
    end = LATEST if slice_["to"] is None else _clamped(slice_["to"])
    profile_id = slice_["profile_id"]
    state = (slice_["seed"], start, end, profile_id or _NOBODY, slice_["type"], slice_["value"], slice_["version"])
    candidate = (profile_id, slice_["seed"]) if profile_id else None
    return candidate, (*state, profile_id is None, *_place(record))


def profile_rows(record: Record) -> Rows:
    """Return the state of a profile; a record without a value says that the profile ceased."""
    if record.value is None:
        return ((_key(record), 0, b"", [], "{}", [], True, *_place(record)),)
    profile = loads(record.value)
    return (
        (
            profile["profile_id"],
            profile["version"],
            record.value,
            [(identifier["type"], identifier["value"]) for identifier in profile["identifiers"]],
            _json(profile["traits"]),
            [segment["id"] for segment in profile["segments"]],
            False,
            *_place(record),
        ),
    )


def order_rows(record: Record) -> Rows:
    """Return the state of an order; a record without a value says that the order exists no longer."""
    if record.value is None:
        nothing: list[Any] = []
        amounts = (Decimal(0), Decimal(0))
        lines = (nothing, nothing, nothing, nothing, nothing)
        return ((_key(record), "", "", "", *amounts, "", None, EARLIEST, *lines, "[]", b"", 0, True, *_place(record)),)
    order = loads(record.value)
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
            record.value,
            order["version"],
            False,
            *_place(record),
        ),
    )


def change_rows(record: Record) -> Rows:
    """Return the membership that a segment change leaves behind, and the change."""
    change = loads(_value(record))
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
            record.timestamp,
            record.value,
            *_place(record),
        ),
    )


def definition_rows(record: Record) -> Rows:
    """Return the state of a segment's definition; one without a definition was deleted."""
    if record.value is None:
        return ((_key(record), 0, "", EARLIEST, True, *_place(record)),)
    newest = loads(record.value)
    definition = newest["definition"]
    text = "" if definition is None else _json(definition)
    state = (newest["segment_id"], newest["version"], text, _time(newest["updated_at"]), definition is None)
    return ((*state, *_place(record)),)


def progress_rows(record: Record) -> Rows:
    """Return which version of a definition one partition of the workers has applied to everybody."""
    progress = loads(_value(record))
    state = (progress["segment_id"], progress["partition"], progress["version"] or 0, progress["partitions"])
    return ((*state, *_place(record)),)


def delivery_rows(record: Record) -> Rows:
    """Return the state of a delivery that waits or is dead; how far a subscription has come is no row."""
    if record.value is None:
        subscription, slash, place = _key(record).partition("/")
        if not slash:
            return (None,)
        at, _, offset = place.partition("-")
        gone = (subscription, int(at), int(offset), "", "", _NOBODY, 0, "", 0, "", EARLIEST, None, True)
        return ((*gone, *_place(record)),)
    delivery = loads(record.value)
    if "state" not in delivery:
        return (None,)
    return (
        (
            delivery["subscription_id"],
            delivery["partition"],
            delivery["offset"],
            delivery["webhook_id"],
            delivery["segment_id"],
            delivery["profile_id"],
            delivery["sequence"],
            delivery["state"],
            delivery["attempts"],
            delivery["error"],
            _time(delivery["at"]),
            _maybe_time(delivery["due"]),
            False,
            *_place(record),
        ),
    )


def decision_rows(record: Record) -> Rows:
    """Return the row of an identity decision."""
    decision = loads(_value(record))
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
            record.value,
            *_place(record),
        ),
    )


def dead_letter_rows(record: Record) -> Rows:
    """Return the row of a dead letter."""
    letter = loads(_value(record))
    fields = (
        letter["id"],
        letter["source"],
        letter["reason"],
        letter["message"],
        _time(letter["at"]),
        letter["payload"],
    )
    return ((*fields, *_place(record)),)


def replay_rows(record: Record) -> Rows:
    """Return the row of what became of a dead letter that went in again."""
    replay = loads(_value(record))
    fields = (
        replay["id"],
        _time(replay["at"]),
        replay["source"],
        replay["outcome"],
        replay["event_ids"],
        replay["reason"] or "",
        replay["message"],
        replay["corrected"],
    )
    return ((*fields, *_place(record)),)


def _value(record: Record) -> bytes:
    if record.value is None:
        raise ValueError("the record has no value")
    return record.value


def _key(record: Record) -> str:
    if record.key is None:
        raise ValueError("the record has neither key nor value")
    return record.key.decode()


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _json(value: Any) -> str:
    return dumps_text(value) if value != {} else "{}"


def _time(text: str) -> int:
    # As Kith writes times itself; many records share a second.
    fraction = _FRACTIONS.get(text[19:])
    if fraction is not None and (second := _second(text[:19])) is not None:
        return second + fraction
    return _clamped(to_millis(text))


@lru_cache(maxsize=16384)
def _second(text: str) -> int | None:
    """Return the milliseconds of `YYYY-MM-DDTHH:MM:SS`; None for another form, and where DateTime64 may end."""
    if len(text) != 19 or text[13] != ":" or text[16] != ":":
        return None
    millis = to_millis(text)
    return millis if EARLIEST <= millis <= LATEST - 999 else None


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
    # What the archive is asked about travels as lines of text (see `archive`), so what it is made of is checked here.
    if _UUID.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no UUID")
    return text


# Many records of a batch are one person's.
_seed = lru_cache(maxsize=16384)(_uuid)
