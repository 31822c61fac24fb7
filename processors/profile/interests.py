"""Interests: which categories, brands and products a person looks at, with scores that halve every 30 days.

The section is `{kind: {day: {name: weight}}}`: an entry for each day (UTC) and name, its weight the sum of the day.
Per kind the 50 newest entries are kept, in the order of day and name: an entry that fell out never comes back, because
entries are only added, so what is kept and its weights follow from the events alone. Weights are integers and ages are
whole days: the same scores in any order of events, on any machine.
"""

from collections.abc import Sequence
from typing import Any, Final

from processors.profile.products import name_of, product_id_of, products_of
from schemas.times import EARLIEST

Entries = dict[str, dict[str, int]]
Interests = dict[str, Entries]

HALF_LIFE_DAYS: Final = 30
MAX_ENTRIES: Final = 50
MAX_SHOWN: Final = 10
# How much each event says about what somebody likes.
WEIGHTS: Final = {
    "Product List Viewed": 1,
    "Product List Filtered": 1,
    "Product Clicked": 1,
    "Product Viewed": 1,
    "Product Reviewed": 2,
    "Product Added to Wishlist": 2,
    "Product Added": 3,
    "Order Completed": 5,
}
KINDS: Final = ("categories", "brands", "products")

_DAY_MS: Final = 86_400_000
_SCALE: Final = 1_000_000
# The share of a weight that is left after so many days, until nothing is.
_LEFT: Final = tuple(round(_SCALE * 2 ** (-days / HALF_LIFE_DAYS)) for days in range(21 * HALF_LIFE_DAYS))


def add(interests: Interests, event: dict[str, Any], t: int, weight: int) -> None:
    """Take in an event that says `weight` about its products and its category, in place."""
    # Days since 1900, in as many digits as the last day that can be stored: they sort as text.
    day = f"{(t - EARLIEST) // _DAY_MS:06d}"
    properties = event["properties"]
    if event["event"].startswith("Product List"):
        _add(interests, "categories", day, properties.get("category"), weight)
        return
    for product in products_of(properties):
        _add(interests, "categories", day, product.get("category"), weight)
        _add(interests, "brands", day, product.get("brand"), weight)
        if (product_id := product_id_of(product)) is not None:
            _add(interests, "products", day, product_id, weight)


def _add(interests: Interests, kind: str, day: str, name: Any, weight: int) -> None:
    if name is None or (name := name_of(name)) is None:
        return
    days = interests.get(kind)
    if days is None:
        interests[kind] = {day: {name: weight}}
        return
    entries = days.get(day)
    if entries is None:
        days[day] = {name: weight}
    elif name in entries:
        entries[name] += weight
        return
    else:
        entries[name] = weight
    _trim(days)


def _trim(days: Entries) -> None:
    """Leave the newest entries, in place."""
    surplus = sum(map(len, days.values())) - MAX_ENTRIES
    while surplus > 0:
        oldest = min(days)
        entries = days[oldest]
        if len(entries) <= surplus:
            surplus -= len(entries)
            del days[oldest]
        else:
            for name in sorted(entries)[:surplus]:
                del entries[name]
            return


def merged(many: Sequence[Interests]) -> Interests:
    """Return the sum of all, the newest entries of each kind. The arguments stay as they are."""
    result: Interests = {}
    for kind in KINDS:
        parts = [interests[kind] for interests in many if kind in interests]
        if len(parts) == 1:
            result[kind] = parts[0]
        elif parts:
            days = {day: dict(entries) for day, entries in parts[0].items()}
            for part in parts[1:]:
                for day, entries in part.items():
                    sums = days.get(day)
                    if sums is None:
                        days[day] = dict(entries)
                        continue
                    for name, weight in entries.items():
                        sums[name] = sums.get(name, 0) + weight
            _trim(days)
            result[kind] = days
    return result


def shown(interests: Interests, as_of: int) -> dict[str, list[dict[str, Any]]]:
    """Return the ten highest scores of each kind as of an instant (ms): `{"value", "score"}`, four decimals."""
    today = (as_of - EARLIEST) // _DAY_MS
    return {kind: _shown(interests[kind], today) if kind in interests else [] for kind in KINDS}


def _shown(days: Entries, today: int) -> list[dict[str, Any]]:
    scores: dict[str, int] = {}
    for day, entries in days.items():
        age = today - int(day)
        if age < len(_LEFT):
            left = _LEFT[age]
            for name, weight in entries.items():
                scores[name] = scores.get(name, 0) + weight * left
    highest = sorted([(-score, name) for name, score in scores.items()])[:MAX_SHOWN]
    return [{"value": name, "score": -score // 100 / 10_000} for score, name in highest]
