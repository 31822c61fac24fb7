"""Acquisition: the first and the last touch that brought the person here.

A touch is an event with a campaign (`context.campaign`) or a referrer from another host. The section is `[first,
last]`, each `[t, message_id, event_id, source, medium, campaign, referrer]`.
"""

from collections.abc import Sequence
from typing import Any

from schemas.times import to_iso

Touches = list[list[Any]]


def touch_of(event: dict[str, Any], t: int) -> list[Any] | None:
    """Return the touch that an event is, or None."""
    context = event["context"]
    campaign = context.get("campaign")
    referrer = _referrer(event, context)
    if not isinstance(campaign, dict):
        if referrer is None:
            return None
        return [t, event["message_id"], event["event_id"], None, None, None, referrer]
    source, medium, name = (_text(campaign.get(key)) for key in ("source", "medium", "name"))
    if source is None and medium is None and name is None and referrer is None:
        return None
    return [t, event["message_id"], event["event_id"], source, medium, name, referrer]


def add(touches: Touches, touch: list[Any]) -> None:
    """Take in one touch, in place."""
    mark = touch[:3]
    if mark < touches[0][:3]:
        touches[0] = touch
    elif mark > touches[1][:3]:
        touches[1] = touch


def merged(many: Sequence[Touches]) -> Touches:
    """Return the first and the last touch of all. The arguments stay as they are."""
    return [min((each[0] for each in many), key=_mark), max((each[1] for each in many), key=_mark)]


def shown(touches: Touches | None) -> dict[str, dict[str, Any]]:
    """Return the public form; a person without a touch has two empty objects."""
    if touches is None:
        return {"first": {}, "last": {}}
    return {"first": _shown(touches[0]), "last": _shown(touches[1])}


def _shown(touch: list[Any]) -> dict[str, Any]:
    t, _, _, source, medium, campaign, referrer = touch
    return {"source": source, "medium": medium, "campaign": campaign, "referrer": referrer, "at": to_iso(t)}


def _referrer(event: dict[str, Any], context: dict[str, Any]) -> str | None:
    """Return the page's referrer if it lies on another host than the page, else None."""
    page = context.get("page")
    if not isinstance(page, dict):
        page = event["properties"] if event["type"] == "page" else {}
    referrer = page.get("referrer")
    if not referrer:
        stated = context.get("referrer")
        referrer = stated.get("url") if isinstance(stated, dict) else None
    text = _text(referrer)
    if text is None or "://" not in text or _host(text) == _host(page.get("url")):
        return None
    return text


def _host(url: Any) -> str:
    """Return the host of an absolute URL in lower case, without `www.`; empty for anything else."""
    if not isinstance(url, str):
        return ""
    rest = url.partition("://")[2]
    host = rest.partition("/")[0].partition("?")[0].partition("#")[0].lower()
    return host.removeprefix("www.")


def _text(value: Any) -> str | None:
    """Return trimmed text of a sensible length, or None."""
    if not isinstance(value, str):
        return None
    return value.strip()[:1000] or None


def _mark(touch: list[Any]) -> list[Any]:
    return touch[:3]
