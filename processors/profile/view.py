"""The public profile: what `GET /v1/profiles/{key}` and `profiles.changelog` show of a merged fragment.

No clock: `as_of` is the newest event time known, and scores decay up to it. Equal arguments give equal bytes, because
every object is built in one order.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from processors.profile import acquisition, cart, consent, interests, sessions, traits
from processors.profile.amounts import amount_text
from processors.profile.fragment import Fragment
from processors.profile.order_status import CANCELLED
from schemas.codec import SCHEMA_VERSION
from schemas.event import CHANNELS
from schemas.identifier import Identifier, is_weak, strength
from schemas.times import to_iso

# Profiles list the newest of these; the rest is at `GET /v1/profiles/{key}/identifiers` and `/orders`.
MAX_WEAK: Final = 100
MAX_OPEN_ORDERS: Final = 100

Roster = Sequence[dict[str, Any]]  # {"type", "value", "from": ms | None, "to": ms | None}; weak ones only have bounds


def profile_view(
    merged: Fragment,
    *,
    profile_id: str,
    roster: Roster,
    aliases: Sequence[str],
    segments: Sequence[dict[str, Any]],
    version: int,
) -> dict[str, Any]:
    """Return the public JSON of a profile (see `schemas.profile.Profile`).

    `merged` is the merge of the profile's fragments, `roster` the identifiers that belong to it, `segments` its
    memberships (`{"id", "since"}`).
    """
    seen = merged.get("seen")
    as_of = max((moment for moment in (seen and seen[1], merged.get("as_of")) if moment is not None), default=None)
    identifiers, weak_count = _identifiers(roster, merged.get("identifiers", {}))
    return {
        "schema_version": SCHEMA_VERSION,
        "profile_id": profile_id,
        "aliases": list(aliases),
        "version": version,
        "as_of": None if as_of is None else to_iso(as_of),
        "identifiers": identifiers,
        "weak_count": weak_count,
        "traits": traits.shown(merged["traits"]) if "traits" in merged else {},
        "consent": consent.shown(merged["consent"]) if "consent" in merged else {},
        "orders": _orders(merged.get("orders", {})),
        "cart": cart.shown(merged.get("cart")),
        "activity": _activity(merged),
        "acquisition": acquisition.shown(merged.get("touches")),
        "interests": interests.shown(merged.get("interests", {}), as_of or 0),
        "segments": list(segments),
    }


def _identifiers(roster: Roster, seen: dict[str, dict[str, list[int]]]) -> tuple[list[dict[str, Any]], int]:
    """Return the strong identifiers, strongest first, then the newest weak intervals; and how many weak there are."""
    strong: list[tuple[Any, dict[str, Any]]] = []
    weak: list[tuple[Any, dict[str, Any]]] = []
    for entry in roster:
        type_, value = entry["type"], entry["value"]
        span = seen[type_].get(value) if type_ in seen else None
        shown = {
            "type": type_,
            "value": value,
            "first_seen": to_iso(span[0]) if span else None,
            "last_seen": to_iso(span[1]) if span else None,
        }
        rank, weak_type = _rank(type_)
        place = (*rank, type_, value)
        if weak_type:
            start, end = entry.get("from"), entry.get("to")
            shown["from"] = None if start is None else to_iso(start)
            shown["to"] = None if end is None else to_iso(end)
            newest = (end is not None, -(end or 0), start is None, -(start or 0))
            weak.append(((newest, place), shown))
        else:
            strong.append((place, shown))
    strong.sort(key=_place)
    weak.sort(key=_place)
    return [shown for _, shown in strong] + [shown for _, shown in weak[:MAX_WEAK]], len(weak)


@lru_cache(maxsize=1024)
def _rank(type_: str) -> tuple[tuple[int, int], bool]:
    """Return what `schemas.identifier.strength` sorts a type by, and whether it is weak."""
    rank, column, _, _ = strength(Identifier(type_, ""))
    return (rank, column), is_weak(type_)


def _orders(orders: dict[str, dict[str, list[Any]]]) -> dict[str, Any]:
    totals: dict[str, list[int]] = {}
    opened: list[tuple[int, str, str, str, int, str]] = []
    first: int | None = None
    last: int | None = None
    for store, summaries in orders.items():
        for order_id, (_, placed, status, total, refunded, currency, is_open) in summaries.items():
            if status == CANCELLED:
                continue
            sums = totals.get(currency)
            if sums is None:
                totals[currency] = [1, total, refunded]
            else:
                sums[0] += 1
                sums[1] += total
                sums[2] += refunded
            first = placed if first is None or placed < first else first
            last = placed if last is None or placed > last else last
            if is_open:
                opened.append((-placed, store, order_id, status, total, currency))
    currencies = sorted(totals)
    opened.sort()
    return {
        "count": sum(sums[0] for sums in totals.values()),
        "revenue": {code: amount_text(totals[code][1] - totals[code][2]) for code in currencies},
        "refunded": {code: amount_text(totals[code][2]) for code in currencies},
        "average_value": {code: _average(*totals[code]) for code in currencies},
        "first_at": None if first is None else to_iso(first),
        "last_at": None if last is None else to_iso(last),
        "open": [
            {
                "order_id": order_id,
                "store": store,
                "status": status,
                "total": amount_text(total),
                "currency": currency,
                "at": to_iso(-placed),
            }
            for placed, store, order_id, status, total, currency in opened[:MAX_OPEN_ORDERS]
        ],
    }


def _average(count: int, total: int, refunded: int) -> str:
    """Return revenue per order, rounded half up to cents."""
    cents = (2 * (total - refunded) + 100 * count) // (200 * count)
    return amount_text(100 * cents)


def _activity(merged: Fragment) -> dict[str, Any]:
    seen = merged.get("seen")
    channels = merged.get("channels", {})
    visits, bounces = sessions.counts(merged["sessions"]) if "sessions" in merged else (0, 0)
    return {
        "first_seen": to_iso(seen[0]) if seen else None,
        "last_seen": to_iso(seen[1]) if seen else None,
        "events": sum(channels.values()),
        "sessions": visits,
        "page_views": merged.get("page_views", 0),
        "bounces": bounces,
        "by_channel": {channel: channels.get(channel, 0) for channel in CHANNELS},
    }


def _place(entry: tuple[Any, dict[str, Any]]) -> Any:
    return entry[0]
