"""Messages in Segment's shape, from what a vendor says about a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.vendors.delivery import Message
from ingest.vendors.reading import compact, text


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a vendor speaks of, in its own words: nothing is normalised yet, and anything may be missing.

    `ids` are pairs of an identifier type, with its account where it has one, and a value. `country` is the region of a
    phone number that names none.
    """

    ids: tuple[tuple[str, Any], ...] = ()
    user_id: Any = None
    anonymous_id: Any = None
    email: Any = None
    phone: Any = None
    country: Any = None
    locale: Any = None
    address: Mapping[str, Any] = field(default_factory=dict)


def track(
    event: str,
    person: Person,
    properties: Mapping[str, Any],
    at: str | None,
    message_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> Message:
    """Return a track message that happened at `at` (ISO 8601; None: when it is received)."""
    traits = compact({"email": text(person.email), "phone": text(person.phone), "address": _address(person)})
    return compact(
        {
            **_head("track", person, at, message_id),
            "event": event,
            "properties": compact(properties),
            "context": {**_context(person), **({"traits": traits} if traits else {}), **(context or {})},
        }
    )


def identify(
    person: Person,
    traits: Mapping[str, Any],
    at: str | None,
    message_id: str | None = None,
) -> Message:
    """Return an identify message: the person's traits as of `at`."""
    known = {"email": text(person.email), "phone": text(person.phone), "address": _address(person)}
    said = {**compact(traits), **compact(known)}
    return compact({**_head("identify", person, at, message_id), "traits": said, "context": _context(person)})


def _head(type_: str, person: Person, at: str | None, message_id: str | None) -> dict[str, Any]:
    return {
        "type": type_,
        "messageId": message_id,
        "timestamp": at,
        "userId": text(person.user_id),
        "anonymousId": text(person.anonymous_id),
    }


def _context(person: Person) -> dict[str, Any]:
    ids = [{"id": value, "type": type_} for type_, id_ in person.ids if (value := text(id_)) is not None]
    return compact({"externalIds": ids, "locale": text(person.locale)})


def _address(person: Person) -> dict[str, Any]:
    return compact({**person.address, "country": text(person.country)})
