"""Shopify's customers: who they are, how to reach them, and what they agreed to."""

from collections.abc import Mapping
from typing import Any

from ingest.canonical import Unfit
from ingest.vendors.delivery import Erasure, Message
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import compact, first, instant, obj, text
from schemas.source import Source


def person_of(customer: Mapping[str, Any], source: Source) -> Person:
    """Return the person that a customer object names."""
    address = obj(customer, "default_address")
    return Person(
        ids=((f"shopify:{source.name}", customer.get("id")),),
        email=customer.get("email"),
        phone=first(customer.get("phone"), address.get("phone")),
        country=first(address.get("country_code"), address.get("country")),
        locale=customer.get("locale"),
        address=address_of(address),
    )


def customer(content: Mapping[str, Any], source: Source) -> list[Message]:
    """customers/create, update, enable, disable: the whole customer."""
    address = obj(content, "default_address")
    traits = {
        "first_name": content.get("first_name"),
        "last_name": content.get("last_name"),
        "country": text(address, "country_code"),
        "created_at": instant(content.get("created_at")),
        "tags": _tags(content.get("tags")),
        "account_state": content.get("state"),
        "consent": consents_of(content),
    }
    return [identify(person_of(content, source), traits, _when(content))]


def deleted(content: Mapping[str, Any], source: Source) -> list[Message]:
    """customers/delete: only an id. The account is gone; erasing the person is customers/redact."""
    person = Person(ids=((f"shopify:{source.name}", content.get("id")),))
    return [identify(person, {"account_state": "deleted"}, None)]


def consent(content: Mapping[str, Any], source: Source) -> list[Message]:
    """customers_*_consent/update: the customer's id, an address and the decision."""
    person = Person(
        ids=((f"shopify:{source.name}", content.get("customer_id")),),
        email=content.get("email_address"),
        phone=content.get("phone"),
    )
    decided = [
        instant(obj(content, f"{way}_marketing_consent").get("consent_updated_at")) or "" for way in ("email", "sms")
    ]
    return [identify(person, {"consent": consents_of(content)}, max(decided) or None)]


def redacted(content: Mapping[str, Any], source: Source) -> list[Erasure]:
    """customers/redact: the person is erased, by every identifier that Shopify names."""
    customer = obj(content, "customer")
    named = ((f"shopify:{source.name}", "id"), ("email", "email"), ("phone", "phone"))
    return [Erasure(tuple((type_, customer[key]) for type_, key in named if first(customer.get(key)) is not None))]


def data_requested(content: Mapping[str, Any], source: Source) -> list[Message]:
    """customers/data_request: the shop owes the person a copy; `GET /v1/privacy/export/{key}` makes it."""
    properties = {
        "request_id": text(content, "data_request", "id"),
        "order_ids": content.get("orders_requested"),
    }
    return [track("Personal Data Requested", person_of(obj(content, "customer"), source), properties, None)]


def shop_redacted(content: Mapping[str, Any], source: Source) -> list[Unfit]:
    """shop/redact, 48 hours after the shop has let Kith go: all of its people, which an operator has to decide."""
    payload = {"type": "shop/redact", "shop_id": content.get("shop_id"), "messageId": f"shop/redact:{source.name}"}
    why = f"Shopify asks that all people of {source.name} be erased: erase them, then remove the source."
    return [Unfit(payload, "shop_redaction", why)]


def consents_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the decisions that a customer object states, each with its own time.

    A customer is sent again whenever anything about them changes, so a decision must not become newer by that.
    `not_subscribed` is no decision. Only `subscribed` grants: `pending` waits for the second opt-in.
    """
    found: dict[str, Any] = {}
    for way in ("email", "sms"):
        stated = obj(content, f"{way}_marketing_consent")
        state = text(stated, "state")
        if state is not None and state.lower() != "not_subscribed":
            at = instant(stated.get("consent_updated_at"))
            found[f"{way}_marketing"] = compact({"granted": state.lower() == "subscribed", "at": at})
    accepts = content.get("accepts_marketing")
    if "email_marketing" not in found and isinstance(accepts, bool):
        at = instant(content.get("accepts_marketing_updated_at"))
        # Before anybody was asked, the flag is false without a time.
        if accepts or at is not None:
            found["email_marketing"] = compact({"granted": accepts, "at": at})
    return found


def address_of(address: Mapping[str, Any]) -> dict[str, Any]:
    """Return an address under Segment's names."""
    street = " ".join(part for key in ("address1", "address2") if (part := text(address, key)))
    return compact(
        {
            "street": street,
            "city": text(address, "city"),
            "state": first(text(address, "province_code"), text(address, "province")),
            "postal_code": text(address, "zip"),
        }
    )


def _when(content: Mapping[str, Any]) -> str | None:
    return instant(content.get("updated_at")) or instant(content.get("created_at"))


def _tags(value: Any) -> list[str]:
    return [tag.strip() for tag in value.split(",") if tag.strip()] if isinstance(value, str) else []
