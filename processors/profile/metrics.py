"""Metrics: any field of the public profile by its dotted path, as segments name it (`orders.revenue.EUR`)."""

from typing import Any


def metric(view: dict[str, Any], path: str) -> Any:
    """Return the field of a profile's public JSON that `path` names, or None where the profile has none.

    In interests the rest of the path is a `value`, and the field is its score: `interests.categories.shoes`.
    """
    found: Any = view
    parts = path.split(".")
    for index, part in enumerate(parts):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list):
            name = ".".join(parts[index:])
            return next((entry.get("score") for entry in found if entry.get("value") == name), None)
        else:
            return None
    return found
