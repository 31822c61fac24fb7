"""Orders: what an order's state says, to the customer's profile and to the projections.

An order lives in the partition of its own identifier, where `fold_order` folds its events. It joins the profile of its
customer as a fragment with one summary, so it counts once, for one person, and moves as a whole.
"""

from collections.abc import Sequence
from typing import Any, Final

from processors.profile.amounts import LIMIT, UNKNOWN_CURRENCY, amount_text
from processors.profile.fragment import Fragment
from processors.profile.order_fold import OrderState, fold_order, order_of
from processors.profile.order_status import PLACED, STATUSES, is_open, refund_status, returns_all, state_status
from processors.profile.products import line_json, sum_of
from schemas.codec import SCHEMA_VERSION
from schemas.identifier import Identifier
from schemas.times import to_iso

__all__ = [
    "OrderState",
    "customer_of",
    "fold_order",
    "fragment_of_order",
    "merged_summaries",
    "order_of",
    "order_record",
]

# A thousand absurd refunds must not become a number that JSON cannot carry.
MAX_REFUNDED: Final = 100 * LIMIT

Summary = list[Any]  # [events, placed_at ms, status, total, refunded, currency, open]: amounts in units


def customer_of(state: OrderState) -> tuple[Identifier, int] | None:
    """Return the strongest other identifier of the newest event that names one, and that event's time, else None."""
    customer = state.get("customer")
    return None if customer is None else (Identifier(*customer[3]), customer[0])


def fragment_of_order(state: OrderState) -> Fragment:
    """Return the fragment that the order is in its customer's profile."""
    total, refunded, currency = amounts_of(state)
    status = state_status(state, total, refunded)
    summary: Summary = [
        state["events"],
        placed_at(state),
        status,
        total or 0,
        refunded,
        currency,
        is_open(state, status),
    ]
    return {"as_of": state["last"], "orders": {state["store"]: {state["order_id"]: summary}}}


def order_record(state: OrderState, seed: str) -> dict[str, Any]:
    """Return the state as `orders.changelog` and the API show it; `seed` is the seed of the order's identifier."""
    total, refunded, currency = amounts_of(state)
    customer = customer_of(state)
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": seed,
        "order_id": state["order_id"],
        "store": state["store"],
        "status": state_status(state, total, refunded),
        "total": amount_text(total or 0),
        "refunded": amount_text(refunded),
        "currency": currency,
        "placed_at": to_iso(placed_at(state)),
        "updated_at": to_iso(state["updated"]),
        "customer": None if customer is None else {"type": customer[0].type, "value": customer[0].value},
        "items": [line_json(line) for line in _items(state)],
        "history": _history(state, total, refunded),
        "version": state["events"],
    }


def merged_summaries(many: Sequence[dict[str, dict[str, Summary]]]) -> dict[str, dict[str, Summary]]:
    """Return all orders by store and id; of two summaries of one order the one of more events stands."""
    result: dict[str, dict[str, Summary]] = {}
    for orders in many:
        for store, summaries in orders.items():
            known = result.setdefault(store, {})
            for order_id, summary in summaries.items():
                if order_id not in known or known[order_id] < summary:
                    known[order_id] = summary
    return result


def placed_at(state: OrderState) -> int:
    """Return when (ms) it was placed: as the shop says, else its first `Order Completed`, else its first event."""
    if "placed_at" in state:
        return int(state["placed_at"][3])
    return int(state["completed"] if "completed" in state else state["first"])


def amounts_of(state: OrderState) -> tuple[int | None, int, str]:
    """Return the total (None: not known), what was given back, and the currency.

    The total is what an event calls so, else its revenue, else the sum of the items. A refund is its `total`, else its
    products at their own or else the order's price, else everything that the others left. Where the shop says that more
    was given back than the known refunds come to, a refund has not arrived, and the shop is right. Amounts of refunds
    are in the order's currency; theirs is looked at only where the order has none.
    """
    items = _items(state)
    stated = state.get("total") or state.get("revenue")
    total: int | None = stated[3] if stated is not None else sum_of(items)
    prices = {line[0]: line[4] for line in items if line[4] is not None}
    refunds = sorted(state["refunds"].values())
    refunded = sum(_given_back(refund, prices) for refund in refunds)
    if "refunded" in state:
        refunded = max(refunded, state["refunded"][3])
    if total is not None and returns_all(state):
        refunded = max(refunded, total)
    refunded = min(refunded, MAX_REFUNDED)
    known = state.get("currency")
    if known is not None:
        return total, refunded, known[3]
    return total, refunded, next((each[5] for each in reversed(refunds) if each[5]), UNKNOWN_CURRENCY)


def _items(state: OrderState) -> list[Any]:
    items = state.get("items")
    return [] if items is None else items[3]


def _given_back(refund: list[Any], prices: dict[str, int]) -> int:
    amount, lines = refund[3], refund[4]
    if amount is not None:
        return int(amount)
    return (sum_of(lines, prices) or 0) if lines else 0


def _history(state: OrderState, total: int | None, given_back: int) -> list[dict[str, Any]]:
    """Return `{"status", "at", "event_id"}` for each status at the time the order first had it, oldest first."""
    first: dict[str, list[Any]] = dict(state["history"])
    if PLACED in first:
        first[PLACED] = [min(first[PLACED][0], placed_at(state)), *first[PLACED][1:]]
    prices = {line[0]: line[4] for line in _items(state) if line[4] is not None}
    refunded = 0
    for refund in sorted(state["refunds"].values()):
        refunded += _given_back(refund, prices)
        status = refund_status(total, refunded, everything=refund[3] is None and refund[4] is None)
        if status is not None and (status not in first or refund[:3] < first[status]):
            first[status] = refund[:3]
    # No refund that is known explains it: the shop has said so in the order.
    status = refund_status(total, given_back, returns_all(state))
    if status is not None and status not in first and "given_back" in state:
        first[status] = state["given_back"]
    entries = sorted((mark[0], STATUSES.index(status), status, mark[2]) for status, mark in first.items())
    return [{"status": status, "at": to_iso(at), "event_id": event_id} for at, _, status, event_id in entries]
