"""What people do around Facebook pages and Instagram accounts: `entry[].changes[]`."""

from collections.abc import Mapping
from typing import Any, Final

from ingest.vendors.delivery import Message
from ingest.vendors.message import Person, track
from ingest.vendors.reading import first, instant, obj, text
from ingest.vendors.social import COMMENTED, MENTIONED, REACTED, UNREACTED
from schemas.source import Source

_REACTIONS: Final = frozenset({"reaction", "like"})
# What the page does itself, and what only counts.
_SILENT: Final = frozenset({"post", "status", "photo", "video", "share", "album", "event", "link", "note"})


def facebook_change(change: Mapping[str, Any], entry: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what one change of a page says; None where it is not understood. The page's own doings are nobody's."""
    field, value = text(change, "field"), obj(change, "value")
    who = text(value, "from", "id") or text(value, "sender_id")
    happened = instant(first(value.get("created_time"), entry.get("time")))
    person = Person(ids=((f"facebook:{source.name}", who),))
    properties = {
        "network": "facebook",
        "account_id": text(entry, "id"),
        "post_id": text(value, "post_id"),
        "comment_id": text(value, "comment_id"),
        "body": text(value, "message"),
        "user_name": text(value, "from", "name"),
    }
    if field == "mention":
        return [track(MENTIONED, person, properties, happened, _own("mention", properties, who))]
    if field != "feed":
        return None
    if who is None or who == text(entry, "id"):
        return []
    item, verb = text(value, "item"), text(value, "verb")
    if item == "comment":
        added = verb in ("add", None)
        return [track(COMMENTED, person, properties, happened, _own("comment", properties, who))] if added else []
    if item in _REACTIONS:
        removed = verb == "remove"
        kind = f"reaction:{verb}:{text(value, 'created_time') or text(entry, 'time')}"
        properties = {**properties, "reaction": text(value, "reaction_type") or "like"}
        return [track(UNREACTED if removed else REACTED, person, properties, happened, _own(kind, properties, who))]
    return [] if item in _SILENT else None


def instagram_change(change: Mapping[str, Any], entry: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what one change of an Instagram account says; None where it is not understood."""
    field, value = text(change, "field"), obj(change, "value")
    who = text(value, "from", "id")
    happened = instant(first(value.get("timestamp"), entry.get("time")))
    person = Person(ids=((f"instagram:{source.name}", who),))
    properties = {
        "network": "instagram",
        "account_id": text(entry, "id"),
        "post_id": text(value, "media", "id") or text(value, "media_id"),
        "comment_id": text(value, "id") or text(value, "comment_id"),
        "body": text(value, "text"),
        "user_name": text(value, "from", "username"),
    }
    if field in ("comments", "live_comments"):
        if who is not None and who == text(entry, "id"):
            return []
        return [track(COMMENTED, person, properties, happened, _own("comment", properties, who))]
    if field == "mentions":
        return [track(MENTIONED, person, properties, happened, _own("mention", properties, who))]
    return [] if field in ("story_insights", "messaging_seen") else None


def _own(kind: str, properties: Mapping[str, Any], who: str | None) -> str:
    """Return the id of something that happened: Meta repeats deliveries without giving them one."""
    of = properties["comment_id"] or properties["post_id"]
    return f"{properties['network']}:{kind}:{of}:{who}"
