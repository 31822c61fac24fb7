"""Zendesk: tickets, their comments and users; and triggers, whose bodies the shop has written itself.

`X-Zendesk-Webhook-Signature` is base64 of HMAC-SHA256 over the timestamp (`…-Signature-Timestamp`) and the raw body,
which may be empty. A trigger's body has no type of Zendesk's: the source's `mapping` says what is in it.
https://developer.zendesk.com/documentation/webhooks/
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest.clock import moment
from ingest.vendors import generic
from ingest.vendors.chat import ENDED, RECEIVED, SENT, STARTED, chat_properties
from ingest.vendors.delivery import Delivery, Handshake, Message, Topic
from ingest.vendors.message import Person, identify, track
from ingest.vendors.reading import first, instant, obj, text
from ingest.vendors.signature import is_recent, is_signed
from schemas.source import Source

_PREFIX: Final = "zen:event-type:"
_ENDED: Final = frozenset({"solved", "closed"})
# Changes of a ticket that are the team's own work.
_SILENT: Final = frozenset(
    f"ticket.{change}"
    for change in (
        "agent_assignment_changed",
        "attachment_linked_to_comment",
        "attachment_redacted_from_comment",
        "brand_changed",
        "comment_made_private",
        "comment_redacted",
        "custom_field_changed",
        "custom_status_changed",
        "description_changed",
        "email_ccs_changed",
        "external_id_changed",
        "followers_changed",
        "form_changed",
        "group_assignment_changed",
        "organization_changed",
        "priority_changed",
        "problem_link_changed",
        "requester_changed",
        "subject_changed",
        "submitter_changed",
        "tags_changed",
        "task_due_at_changed",
        "type_changed",
    )
)


def verify(delivery: Delivery) -> bool:
    """Tell whether Zendesk signed timestamp and body lately."""
    timestamp = delivery.headers.get("x-zendesk-webhook-signature-timestamp", "").strip()
    if not is_recent(moment(instant(timestamp)), delivery):
        return False
    signature = delivery.headers.get("x-zendesk-webhook-signature", "")
    return is_signed(delivery.source, timestamp.encode() + delivery.body, [signature], form="base64")


def handshake(delivery: Delivery) -> Handshake | None:
    """Return None: Zendesk has no handshake."""
    return None


def topic(delivery: Delivery, content: Any) -> Topic:
    """Return the event's type without its prefix, and its id; a trigger's topic is chosen as a generic source's is."""
    name = text(content, "type") or ""
    if not name.startswith(_PREFIX):
        invocation = delivery.headers.get("x-zendesk-webhook-invocation-id", "").strip()
        return Topic(generic.topic(delivery, content).name, invocation or delivery.fingerprint())
    return Topic(name.removeprefix(_PREFIX), text(content, "id") or delivery.fingerprint())


def events(topic: str, content: Mapping[str, Any], source: Source) -> list[Message] | None:
    """Return what an event or a trigger says; None for a type that is not understood, or a body without a mapping."""
    if not (text(content, "type") or "").startswith(_PREFIX):
        return generic.events(topic, content, source)
    detail, event = obj(content, "detail"), obj(content, "event")
    happened = instant(first(content.get("time"), detail.get("updated_at")))
    if topic in _SILENT:
        return []
    if topic == "ticket.created":
        return [track(STARTED, _requester(detail, source), _ticket(detail), happened)]
    if topic == "ticket.comment_added":
        return _comment(obj(event, "comment"), detail, source, happened)
    if topic == "ticket.status_changed":
        ended = (text(event, "current") or "").lower() in _ENDED
        return [track(ENDED, _requester(detail, source), _ticket(detail), happened)] if ended else []
    if topic == "messaging_ticket.message_added":
        return _chat_message(event, detail, source, happened)
    if topic.startswith("user.") and topic != "user.deleted":
        return [_user(detail, source, happened)]
    return None


def _comment(
    comment: Mapping[str, Any], ticket: Mapping[str, Any], source: Source, happened: str | None
) -> list[Message]:
    """Return the message that a public comment is; private ones are the team's own."""
    if comment.get("is_public") is False:
        return []
    author = obj(comment, "author")
    by_agent = author.get("is_staff") is True
    agent = author if by_agent else {}
    properties = {
        **_ticket(ticket),
        **chat_properties(
            text(ticket, "id"), text(comment, "id"), text(comment, "body"), text(agent, "id"), text(agent, "name")
        ),
    }
    return [track(RECEIVED if by_agent else SENT, _requester(ticket, source), properties, happened)]


def _chat_message(
    event: Mapping[str, Any], ticket: Mapping[str, Any], source: Source, happened: str | None
) -> list[Message]:
    """Return what a shopper wrote in a chat. What bots and agents write names nobody but themselves."""
    actor, message = obj(event, "actor"), obj(event, "message")
    if text(actor, "type") != "end_user":
        return []
    person = Person(ids=((f"zendesk:{source.name}", (text(actor, "id") or "").removeprefix("zd:")),))
    properties = chat_properties(text(ticket, "id"), text(message, "id"), text(message, "body"))
    return [track(SENT, person, properties, happened)]


def _ticket(ticket: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **chat_properties(text(ticket, "id")),
        "subject": text(ticket, "subject"),
        "status": (text(ticket, "status") or "").lower(),
        "priority": (text(ticket, "priority") or "").lower(),
        "inbox": text(ticket, "via", "channel"),
        "tags": ticket.get("tags"),
    }


def _requester(ticket: Mapping[str, Any], source: Source) -> Person:
    requester = obj(ticket, "requester")
    return Person(
        ids=((f"zendesk:{source.name}", first(ticket.get("requester_id"), requester.get("id"))),),
        email=requester.get("email"),
    )


def _user(user: Mapping[str, Any], source: Source, happened: str | None) -> Message:
    """Return who a user is; `external_id` is the shop's own id of them. Agents are users too: `role` tells."""
    person = Person(
        ids=((f"zendesk:{source.name}", user.get("id")),),
        user_id=user.get("external_id"),
        email=user.get("email"),
        phone=user.get("phone"),
        locale=user.get("locale"),
    )
    traits = {
        "name": text(user, "name"),
        "role": text(user, "role"),
        "created_at": instant(user.get("created_at")),
    }
    return identify(person, traits, happened)
