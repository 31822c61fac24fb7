"""An order's events folded into its state: from the website and from the shop's webhooks alike, in any order.

A state is a plain dict, equal for any order of the same events:

* `order_id`, `store`; `events`: how many were folded; `first`, `last`: earliest and newest event time; `updated`:
  newest *stamp*;
* `total`, `revenue`, `currency`, `placed_at`, `items`, `refunded` (what the shop says was given back so far):
  `[stamp, message_id, event_id, value]`, per field the newest by stamp;
* `given_back`: `[stamp, message_id, event_id]`, the earliest event in which the shop said that something was given
  back;
* `completed`: the earliest time of an `Order Completed`;
* `progress`, `cancelled`, `returned`: `[stamp, rank]`, of which the greatest stands (see `order_status`);
* `refunds`: `{refund id: [stamp, message_id, event_id, amount | None, lines | None, currency | None]}`;
* `history`: `{status: [stamp, message_id, event_id]}`, the earliest event that gave the order this status;
* `customer`: `[t, message_id, event_id, [type, value]]`.

A stamp is the shop's own `updated_at`, else the event's time, in ms. Amounts are in units of 1/10,000.
"""

from typing import Any, Final

from processors.identity.normalise import normalise, text_of
from processors.profile.amounts import amount_of, currency_of
from processors.profile.order_status import CANCELLED, PARTIALLY_REFUNDED, PLACED, PROGRESS, REFUNDED, status_of
from processors.profile.products import lines_of
from schemas.event import ORDER_EVENTS
from schemas.identifier import Identifier, strongest
from schemas.times import EARLIEST, LATEST, to_millis

OrderState = dict[str, Any]

_DAY_MS: Final = 86_400_000


def order_of(event: dict[str, Any]) -> Identifier | None:
    """Return the `order:<store>` identifier of the order that an event is about, or None for any other event.

    It is the one that the collector put among the event's identifiers, else it is made of `properties.order_id` and
    `properties.store` (else the source's name). An order event without a usable id is about no order.
    """
    if event["event"] not in ORDER_EVENTS or event["type"] != "track":
        return None
    for identifier in event["identifiers"]:
        if identifier["type"].startswith("order:"):
            return Identifier(identifier["type"], identifier["value"])
    properties = event["properties"]
    return normalise(f"order:{text_of(properties.get('store')) or event['source']}", properties.get("order_id"))


def fold_order(state: OrderState | None, event: dict[str, Any], t: int) -> OrderState:
    """Take one event about the order, that happened at `t`, into its state, in place; None: no events so far.

    Each distinct message is folded once. Raises `ValueError` for an event that is about no order.
    """
    if state is None:
        state = _new(event, t)
    name = event["event"]
    properties = event["properties"]
    mark = [_stamp(event, t), event["message_id"], event["event_id"]]
    state["events"] += 1
    state["first"] = min(state["first"], t)
    state["last"] = max(state["last"], t)
    state["updated"] = max(state["updated"], mark[0])
    _name_customer(state, event, t)
    if name == "Order Refunded":
        _refund(state, properties, mark)
        return state
    _describe(state, event, properties, mark)
    if name == "Order Completed":
        state["completed"] = min(state.get("completed", t), t)
        _record(state, PLACED, mark)
    status = CANCELLED if name == "Order Cancelled" else status_of(properties.get("status"))
    if status is not None:
        _state_status(state, status, mark)
    return state


def _new(event: dict[str, Any], t: int) -> OrderState:
    identifier = order_of(event)
    if identifier is None:
        raise ValueError(f"event {event['event_id']} is about no order: send an order event with an order_id")
    return {
        "order_id": identifier.value,
        "store": identifier.type.partition(":")[2],
        "events": 0,
        "first": t,
        "last": t,
        "updated": EARLIEST,
        "refunds": {},
        "history": {},
    }


def _stamp(event: dict[str, Any], t: int) -> int:
    """Return the shop's `updated_at`; one of more than a day after receipt is a clock that lies, and not taken."""
    stated = _time_of(event["properties"].get("updated_at"))
    return t if stated is None or _is_future(stated, event, t) else stated


def _is_future(stated: int, event: dict[str, Any], t: int) -> bool:
    return stated > t and stated > to_millis(event["received_at"]) + _DAY_MS


def _time_of(value: Any) -> int | None:
    """Return ISO 8601 text, or a number of seconds or milliseconds since 1970, as ms; None for anything else."""
    if isinstance(value, str):
        try:
            millis = to_millis(value)
        except (ValueError, OverflowError):
            return None
    elif isinstance(value, int) and not isinstance(value, bool):
        # Seconds reach this value in the year 5138, milliseconds had it in 1973.
        millis = value if abs(value) >= 10**11 else value * 1000
    else:
        return None
    return millis if EARLIEST <= millis <= LATEST else None


def _write(state: OrderState, field: str, mark: list[Any], value: Any) -> None:
    known = state.get(field)
    if known is None or known[:3] < mark:
        state[field] = [*mark, value]


def _raise(state: OrderState, field: str, stamp: int, rank: int) -> None:
    known = state.get(field)
    if known is None or known < [stamp, rank]:
        state[field] = [stamp, rank]


def _record(state: OrderState, status: str, mark: list[Any]) -> None:
    known = state["history"].get(status)
    if known is None or mark < known:
        state["history"][status] = mark


def _state_status(state: OrderState, status: str, mark: list[Any]) -> None:
    stamp = mark[0]
    # What was given back says nothing about whether a cancellation stands, and the other way round.
    if status not in (REFUNDED, PARTIALLY_REFUNDED):
        _raise(state, "cancelled", stamp, 1 if status == CANCELLED else 0)
    if status != CANCELLED:
        _raise(state, "returned", stamp, 1 if status == REFUNDED else 0)
    if status in PROGRESS:
        _raise(state, "progress", stamp, PROGRESS[status])
    # How much was given back in part is known from refunds only, and so is when.
    if status != PARTIALLY_REFUNDED:
        _record(state, status, mark)


def _describe(state: OrderState, event: dict[str, Any], properties: dict[str, Any], mark: list[Any]) -> None:
    total = amount_of(properties.get("total"))
    if total is not None:
        _write(state, "total", mark, total)
    else:
        revenue = amount_of(properties.get("revenue"))
        if revenue is not None:
            _write(state, "revenue", mark, revenue)
    currency = currency_of(properties.get("currency"))
    if currency is not None:
        _write(state, "currency", mark, currency)
    given = amount_of(properties.get("refunded"))
    if given is not None:
        _write(state, "refunded", mark, abs(given))
        if given and ("given_back" not in state or mark < state["given_back"]):
            state["given_back"] = mark
    placed = _time_of(properties.get("placed_at") or properties.get("created_at"))
    if placed is not None and not _is_future(placed, event, mark[0]):
        _write(state, "placed_at", mark, placed)
    lines = lines_of(properties)
    if lines:
        _write(state, "items", mark, lines)


def _refund(state: OrderState, properties: dict[str, Any], mark: list[Any]) -> None:
    amount = amount_of(properties.get("total"))
    lines = lines_of(properties) if amount is None else []
    refund_id = text_of(properties.get("refund_id")) or mark[1]
    known = state["refunds"].get(refund_id)
    if known is None or known[:3] < mark:
        # Some exports write refunds as negative amounts; what was given back is the same.
        given = None if amount is None else abs(amount)
        state["refunds"][refund_id] = [*mark, given, lines or None, currency_of(properties.get("currency"))]


def _name_customer(state: OrderState, event: dict[str, Any], t: int) -> None:
    named = (Identifier(each["type"], each["value"]) for each in event["identifiers"])
    others = [each for each in named if not each.type.startswith("order:")]
    if others:
        _write(state, "customer", [t, event["message_id"], event["event_id"]], [*strongest(others)])
