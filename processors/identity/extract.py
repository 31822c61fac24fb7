"""Who an event speaks of: every identifier that a message carries, strongest first.

Pure, and shared by every way in: SDK messages, webhooks, imports and replays all become a message of Segment's shape
first.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from processors.identity.normalise import normalise, region_of
from schemas.identifier import Identifier, parse_key, strength

_NOTHING: Final[Mapping[str, Any]] = {}


def identifiers_of(message: Mapping[str, Any], country: str | None = None) -> tuple[Identifier, ...]:
    """Return the identifiers of a message, each once, strongest first: the first one's seed is the event's seed.

    `message` has Segment's keys (`type`, `userId`, `anonymousId`, `traits`, `context`, `properties`); what is missing
    or of another shape carries nothing. `country` is the source's region for phone numbers, used where the message
    names none. A `group` call's traits are the group's and name nobody.
    """
    context = _mapping(message.get("context"))
    usual = _usual(message.get("userId"), message.get("anonymousId"))
    traits = context_traits = _NOTHING
    if "traits" in message and message.get("type") != "group":
        traits = _mapping(message["traits"])
    if "traits" in context:
        context_traits = _mapping(context["traits"])
    found: list[Identifier | None] = []
    region: str | None = None
    for holder in (traits, context_traits, _mapping(message.get("properties"))):
        if not holder:
            continue
        if "email" in holder:
            found.append(normalise("email", holder["email"]))
        if "loyalty_id" in holder:
            found.append(normalise("loyalty_id", holder["loyalty_id"]))
        if "phone" in holder:
            region = region or region_of_message(traits, context_traits, context) or country
            found.append(normalise("phone", holder["phone"], region))
    if "device" in context:
        found.append(normalise("device_id", _mapping(context["device"]).get("id")))
    if "externalIds" in context:
        found.extend(external_ids(context["externalIds"], country))
    if not found:
        return usual
    return in_order([*usual, *(identifier for identifier in found if identifier is not None)])


def _usual(user: Any, anonymous: Any) -> tuple[Identifier, ...]:
    """The two ids that nearly every event has, in order."""
    try:
        return _usual_pair(user, anonymous)
    except TypeError:  # a list or an object, which is no id
        return _usual_pair.__wrapped__(user, anonymous)


# Events of one visit carry the same two ids: most of them were just normalised. Typed, because True is no 1 here.
@lru_cache(maxsize=1 << 14, typed=True)
def _usual_pair(user: Any, anonymous: Any) -> tuple[Identifier, ...]:
    both = (normalise("user_id", user), normalise("anonymous_id", anonymous))
    return tuple(identifier for identifier in both if identifier is not None)


def in_order(identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """Return each identifier once, strongest first."""
    return tuple(sorted(dict.fromkeys(identifiers), key=strength))


def external_ids(entries: Any, country: str | None = None) -> list[Identifier]:
    """Return the identifiers of `context.externalIds`: `{id, type}` with a type of ours; entries of others are skipped.

    The account may stand in the type (`shopify:shop-a`, `777`) or before the id (`shopify`, `shop-a:777`).
    """
    found: list[Identifier] = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("type"), str):
            continue
        value = entry.get("id")
        if isinstance(value, str):
            try:
                type_, value = parse_key(f"{entry['type'].strip()}:{value.strip()}")
            except ValueError:
                continue
        else:
            type_ = entry["type"].strip()
        if (identifier := normalise(type_, value, country)) is not None:
            found.append(identifier)
    return found


def region_of_message(*holders: Mapping[str, Any]) -> str | None:
    """Return the region in which a message's phone numbers are written: traits' address, location, locale.

    `holders` are traits, any further traits, and last the context.
    """
    *people, context = holders
    candidates = [_mapping(traits.get("address")).get("country") for traits in people]
    candidates.append(_mapping(context.get("location")).get("country"))
    candidates.append(_region_of_locale(context.get("locale")))
    return next((region for candidate in candidates if (region := region_of(candidate))), None)


def _region_of_locale(locale: Any) -> str | None:
    """`fr-FR`, `fr_FR` and `zh-Hant-TW` name a region; `fr` does not."""
    if not isinstance(locale, str):
        return None
    parts = locale.partition(".")[0].replace("_", "-").split("-")[1:]
    return next((part for part in parts if len(part) == 2), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING
