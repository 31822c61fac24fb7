"""What an order's events say about its status, and what status follows from all of them.

Cancelled if the newest cancellation stands, else refunded or partially refunded by the sum of refunds, else the
newest of delivered, fulfilled and paid; placed only if nothing else is known.
"""

from typing import Any, Final

PLACED, PAID, FULFILLED, DELIVERED = "placed", "paid", "fulfilled", "delivered"
CANCELLED, PARTIALLY_REFUNDED, REFUNDED = "cancelled", "partially_refunded", "refunded"
STATUSES: Final = (PLACED, PAID, FULFILLED, DELIVERED, PARTIALLY_REFUNDED, REFUNDED, CANCELLED)

# How far an order has come; of two statements of one instant the further one stands.
PROGRESS: Final = {PAID: 0, FULFILLED: 1, DELIVERED: 2}
_BY_PROGRESS: Final = (PAID, FULFILLED, DELIVERED)

# What shops write; anything else says nothing about the status.
_SPELLINGS: Final = {
    **dict.fromkeys(("placed", "pending", "open", "created", "new", "on_hold", "authorized", "unpaid"), PLACED),
    **dict.fromkeys(("paid", "processing", "captured"), PAID),
    **dict.fromkeys(("fulfilled", "shipped", "completed", "complete", "sent"), FULFILLED),
    DELIVERED: DELIVERED,
    **dict.fromkeys(("cancelled", "canceled", "deleted", "voided", "failed", "trash", "expired"), CANCELLED),
    **dict.fromkeys(("partially_refunded", "partial_refund"), PARTIALLY_REFUNDED),
    **dict.fromkeys(("refunded", "returned"), REFUNDED),
}


def status_of(value: Any) -> str | None:
    """Return the status that a shop's word stands for, or None for an unknown word."""
    if not isinstance(value, str):
        return None
    return _SPELLINGS.get(value.strip().lower().replace("-", "_").replace(" ", "_"))


def state_status(state: dict[str, Any], total: int | None, refunded: int) -> str:
    """Return the status of an order's state, given its total and what was given back, in units."""
    if is_cancelled(state):
        return CANCELLED
    refund = refund_status(total, refunded, returns_all(state))
    if refund is not None:
        return refund
    progress = state.get("progress")
    return PLACED if progress is None else _BY_PROGRESS[progress[1]]


def refund_status(total: int | None, refunded: int, everything: bool) -> str | None:
    """Return what refunds make of an order, or None where nothing was given back."""
    if everything or (refunded > 0 and total is not None and refunded >= total):
        return REFUNDED
    return PARTIALLY_REFUNDED if refunded > 0 else None


def is_cancelled(state: dict[str, Any]) -> bool:
    """Tell whether the newest cancellation stands: no later event gave the order another status."""
    cancelled = state.get("cancelled")
    return cancelled is not None and cancelled[1] == 1


def returns_all(state: dict[str, Any]) -> bool:
    """Tell whether everything was given back: a refund without an amount, or a status of the shop that says so."""
    stated = state.get("returned")
    if stated is not None and stated[1] == 1:
        return True
    return any(refund[3] is None and refund[4] is None for refund in state["refunds"].values())


def is_open(state: dict[str, Any], status: str) -> bool:
    """Tell whether the shop still has to send something: not cancelled, not given back, not fulfilled."""
    if status in (CANCELLED, REFUNDED):
        return False
    progress = state.get("progress")
    return progress is None or _BY_PROGRESS[progress[1]] == PAID
