"""The fields of a public profile that a definition may name, and how each is read.

The paths are those of the profile as the API and `profiles.changelog` show it. A field that a profile does not have
is None, like a trait that is null: missing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from schemas.event import CHANNELS

Profile = Mapping[str, Any]
Getter = Callable[[Any], Any]

# `*` stands for one name (a currency); `**` for the rest of the path (an interest may contain dots).
NUMERIC = (
    "orders.count",
    "orders.revenue.*",
    "orders.refunded.*",
    "orders.average_value.*",
    "activity.events",
    "activity.sessions",
    "activity.page_views",
    "activity.bounces",
    *(f"activity.by_channel.{channel}" for channel in CHANNELS),
    "interests.categories.**",
    "interests.brands.**",
    "interests.products.**",
)
TIMES = (
    "orders.first_at",
    "orders.last_at",
    "cart.updated_at",
    "activity.first_seen",
    "activity.last_seen",
    "acquisition.first.at",
    "acquisition.last.at",
)


def _matches(path: str, pattern: str) -> bool:
    names = path.split(".", pattern.count("."))
    wanted = pattern.split(".")
    return len(names) == len(wanted) and all(
        bool(name) and (want == "**" or (want == "*" and "." not in name) or want == name)
        for name, want in zip(names, wanted, strict=True)
    )


def metric_type(path: str) -> Literal["number", "time"] | None:
    """Return what the field at `path` holds; None if a profile has no such field."""
    if path in TIMES:
        return "time"
    return "number" if any(_matches(path, pattern) for pattern in NUMERIC) else None


def trait_getter(name: str) -> Getter:
    """Return the reader of a trait or property: the key itself, else the dotted path into nested objects."""
    head, *rest = name.split(".")
    if not rest:
        return lambda traits: traits.get(name)

    def nested(traits: Mapping[str, Any]) -> Any:
        value = traits.get(name)
        if value is not None:
            return value
        value = traits.get(head)
        for key in rest:
            if type(value) is not dict:
                return None
            value = value.get(key)
        return value

    return nested


def metric_getter(path: str) -> Getter:
    """Return the reader of a profile's field; its argument is the profile's group (the path's first name)."""
    _, *names = path.split(".", 2)
    if path.startswith("interests."):
        kind, wanted = names

        def score(interests: Mapping[str, Any]) -> Any:
            for interest in interests.get(kind) or ():
                if interest["value"] == wanted:
                    return interest["score"]
            return None

        return score
    if len(names) == 1:
        (name,) = names
        return lambda group: group.get(name)
    outer, inner = names

    def within(group: Mapping[str, Any]) -> Any:
        value = group.get(outer)
        return value.get(inner) if value else None

    return within
