"""Who is behind a measurement, and where they were: what all events of one request share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from ingest.vendors.delivery import Message
from ingest.vendors.reading import compact, first, obj, text
from schemas.identifier import uuid5_text

_CAMPAIGN: Final = {
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_campaign": "name",
    "utm_term": "term",
    "utm_content": "content",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """A visitor as Google's requests name them; anything may be missing."""

    client_id: str | None = None
    user_id: str | None = None
    device_id: str | None = None
    email: str | None = None
    phone: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def message(
        self, type_: str, name: str | None, properties: Mapping[str, Any], at: str | None, message_id: str | None
    ) -> Message:
        """Return a message of this visitor."""
        traits = compact({"email": self.email, "phone": self.phone})
        device = {"id": self.device_id} if self.device_id else {}
        context = compact({"device": device, "traits": traits, **self.context, "page": page_of(properties)})
        if campaign := campaign_of(text(properties, "url"), properties):
            context["campaign"] = campaign
        own = {"traits": dict(properties)} if type_ == "identify" else {"properties": dict(properties)}
        named = {"event": name} if type_ == "track" else {"name": name}
        return compact(
            {
                "type": type_,
                **named,
                "messageId": message_id,
                "timestamp": at,
                "userId": self.user_id,
                "anonymousId": self.client_id,
                **own,
                "context": context,
            }
        )


def visitor_of(body: Mapping[str, Any]) -> Visitor:
    """Return the visitor that a request's body names. Hashed addresses (`sha256_…`) name nobody here."""
    data = obj(body, "user_data")
    consent = {
        purpose: (text(value) or "").upper() == "GRANTED"
        for purpose, value in obj(body, "consent").items()
        if isinstance(value, str)
    }
    if body.get("non_personalized_ads") is True:
        consent.setdefault("ad_personalization", False)
    context = {
        "consent": {"categoryPreferences": consent} if consent else {},
        "userAgent": text(body, "user_agent"),
        "locale": first(text(body, "device", "language"), text(body, "language")),
        "location": compact({"country": text(body, "user_location", "country_id")}),
        "ip": text(body, "ip_override"),
    }
    return Visitor(
        client_id=first(text(body, "client_id"), text(body, "clientId")),
        user_id=first(text(body, "user_id"), text(body, "userId")),
        device_id=text(body, "app_instance_id"),
        email=first(text(data, "email"), text(data, "email_address"), text(body, "email")),
        phone=first(text(data, "phone_number"), text(data, "phone")),
        context=compact(context),
    )


def message_id(stated: str | None, request_id: str | None, number: int) -> str | None:
    """Return the id of a request's event: what it says itself, else the request's with a number; None where the
    request says no time, so that two of its kind are two events."""
    if stated is not None:
        return stated if number == 0 else f"{stated}:{number}"
    return None if request_id is None else uuid5_text(f"{request_id}:{number}")


def page_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page that an event happened on."""
    url = text(properties, "url")
    page = {"url": url, "title": text(properties, "title"), "referrer": text(properties, "referrer")}
    return compact({**page, "path": _path(url)})


def campaign_of(url: str | None, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the campaign that brought the visitor: from the page's address, else from what the event says."""
    try:
        query = dict(parse_qsl(urlsplit(url or "").query))
    except ValueError:
        query = {}
    found = compact({ours: query.get(theirs) for theirs, ours in _CAMPAIGN.items()})
    if found:
        return found
    said = {"source": text(properties, "source"), "medium": text(properties, "medium")}
    return compact({**said, "name": text(properties, "campaign")}) if all(said.values()) else {}


def _path(url: str | None) -> str | None:
    try:
        return urlsplit(url).path or None if url else None
    except ValueError:
        return None
