"""Interests: which categories, brands and products a person looks at, with scores that halve every 30 days.

The section is `{kind: {entry: weight}}`; an entry is one day (UTC) and one name, the weight the sum of what happened
on it. Per kind the 50 newest entries are kept, in the order of day and name: an entry that fell out never comes back,
because entries are only added, so what is kept and its weights follow from the events alone. Weights are integers and
ages are whole days: the same scores in any order of events, on any machine.
"""

from collections.abc import Sequence
from typing import Any, Final

from processors.profile.products import name_of, product_id_of, products_of
from schemas.times import EARLIEST

Interests = dict[str, dict[str, int]]

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
_DIGITS: Final = 6
_SCALE: Final = 1_000_000
# The share of a weight that is left after so many days, until nothing is.
_LEFT: Final = tuple(round(_SCALE * 2 ** (-days / HALF_LIFE_DAYS)) for days in range(21 * HALF_LIFE_DAYS))


def add(interests: Interests, event: dict[str, Any], t: int, weight: int) -> None:
    """Take in an event that says `weight` about its products and its category, in place."""
    day = f"{(t - EARLIEST) // _DAY_MS:0{_DIGITS}d}"
    properties = event["properties"]
    is_list = event["event"].startswith("Product List")
    if is_list:
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
    entry = day + name
    entries = interests.get(kind)
    if entries is None:
        interests[kind] = {entry: weight}
    elif entry in entries:
        entries[entry] += weight
    else:
        entries[entry] = weight
        if len(entries) > MAX_ENTRIES:
            del entries[min(entries)]


def merged(many: Sequence[Interests]) -> Interests:
    """Return the sum of all, the newest entries of each kind. The arguments stay as they are."""
    result: Interests = {}
    for kind in KINDS:
        parts = [interests[kind] for interests in many if kind in interests]
        if len(parts) == 1:
            result[kind] = parts[0]
        elif parts:
            entries: dict[str, int] = dict(parts[0])
            for part in parts[1:]:
                for entry, weight in part.items():
                    entries[entry] = entries.get(entry, 0) + weight
            if len(entries) > MAX_ENTRIES:
                entries = {entry: entries[entry] for entry in sorted(entries)[-MAX_ENTRIES:]}
            result[kind] = entries
    return result


def shown(interests: Interests, as_of: int) -> dict[str, list[dict[str, Any]]]:
    """Return the ten highest scores of each kind as of an instant (ms): `{"value", "score"}`, four decimals."""
    today = (as_of - EARLIEST) // _DAY_MS
    return {kind: _shown(interests[kind], today) if kind in interests else [] for kind in KINDS}


def _shown(entries: dict[str, int], today: int) -> list[dict[str, Any]]:
    scores: dict[str, int] = {}
    for entry, weight in entries.items():
        age = today - int(entry[:_DIGITS])
        if age < len(_LEFT):
            name = entry[_DIGITS:]
            scores[name] = scores.get(name, 0) + weight * _LEFT[age]
    highest = sorted([(-score, name) for name, score in scores.items()])[:MAX_SHOWN]
    return [{"value": name, "score": -score // 100 / 10_000} for score, name in highest]
