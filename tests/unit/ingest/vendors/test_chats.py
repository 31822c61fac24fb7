"""Deliveries of Intercom, Zendesk, Chatwoot and Crisp: who wrote, to whom, and what is the team's own."""

from typing import Any

import pytest

from ingest.canonical import Unfit
from tests.unit.ingest.vendors.reading import decided, identifiers, one, said, source_of

INTERCOM = source_of("intercom", "ic")
ZENDESK = source_of("zendesk", "zd")
CHATWOOT = source_of("chatwoot", "chat")
CRISP = source_of("crisp", "cr")

SENT, RECEIVED = "Live Chat Message Sent", "Live Chat Message Received"
STARTED, ENDED = "Live Chat Conversation Started", "Live Chat Conversation Ended"


def intercom(topic: str, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "notification_event",
        "id": "notif_1",
        "topic": topic,
        "created_at": 1769940000,
        "data": {"item": item},
    }


LEAD = {"type": "user", "id": "5ba6", "name": "Jane", "email": "j@x.fr"}
ADMIN = {"type": "admin", "id": "814", "name": "Ann", "email": "ann@shop.example"}
CONVERSATION: dict[str, Any] = {
    "type": "conversation",
    "id": "147",
    "source": {"id": "403", "body": "<p>Hello</p>", "author": LEAD},
    "contacts": {"contacts": [{"type": "contact", "id": "5ba6", "external_id": "u1"}]},
    "conversation_parts": {"conversation_parts": []},
}


def part(author: dict[str, Any], body: str) -> dict[str, Any]:
    parts = [{"id": "9", "part_type": "comment", "body": body, "author": author, "created_at": 1769940060}]
    return {**CONVERSATION, "conversation_parts": {"conversation_parts": parts}}


@pytest.mark.parametrize(
    ("topic", "item", "name", "agent"),
    [
        ("conversation.user.created", CONVERSATION, STARTED, None),
        ("conversation.user.replied", part(LEAD, "Yes"), SENT, None),
        ("conversation.admin.replied", part(ADMIN, "No"), RECEIVED, "814"),
        ("conversation.admin.closed", part(ADMIN, ""), ENDED, "814"),
    ],
)
def test_intercom_s_conversations(topic: str, item: dict[str, Any], name: str, agent: str | None) -> None:
    event = one(INTERCOM, topic, intercom(topic, item))
    assert (event["event"], event["channel"], event["properties"]["conversation_id"]) == (name, "chat", "147")
    assert event["properties"].get("agent_id") == agent
    assert identifiers(event) == ["user_id:u1", "email:j@x.fr", "intercom:5ba6"]


def test_intercom_s_ratings_and_contacts() -> None:
    rated = {**CONVERSATION, "conversation_rating": {"rating": 5, "remark": "Thanks"}}
    event = one(INTERCOM, "conversation.rating.added", intercom("", rated))
    assert (event["event"], event["properties"]["rating"], event["channel"]) == (
        "Live Chat Conversation Rated",
        5,
        "chat",
    )
    contact = {
        "id": "5ba6",
        "external_id": "u1",
        "email": "j@x.fr",
        "custom_attributes": {"plan": "gold", "email": "no"},
    }
    for topic in ("contact.created", "contact.user.created", "contact.lead.created", "contact.email.updated"):
        event = one(INTERCOM, topic, intercom(topic, contact))
        assert (event["type"], identifiers(event)[0], event["traits"]["plan"]) == ("identify", "user_id:u1", "gold")
        assert event["traits"]["email"] == "j@x.fr"
    assert decided(one(INTERCOM, "contact.unsubscribed", intercom("", contact))) == {"email_marketing": False}
    assert decided(one(INTERCOM, "contact.unsubscribed_from_sms", intercom("", contact))) == {"sms_marketing": False}
    assert isinstance(said(INTERCOM, "contact.tag.created", intercom("", contact))[0], Unfit)
    lead = {"type": "contact", "id": "7", "user_id": "8a88a590-e1c3-41e2-a502-e0649dbf721c", "email": "l@x.fr"}
    assert identifiers(one(INTERCOM, "contact.added_email", intercom("", lead))) == ["email:l@x.fr", "intercom:7"]
    assert said(INTERCOM, "ping", intercom("ping", {"message": "pong"})) == []
    assert isinstance(said(INTERCOM, "company.created", intercom("", {}))[0], Unfit)


def test_intercom_s_old_shape() -> None:
    item = {"id": "1", "user": {"type": "user", "id": "5ba6", "user_id": "u1", "email": "j@x.fr"}}
    event = one(INTERCOM, "conversation.user.created", intercom("", item))
    assert identifiers(event) == ["user_id:u1", "email:j@x.fr", "intercom:5ba6"]


def zendesk(type_: str, event: dict[str, Any] | None = None, **detail: Any) -> dict[str, Any]:
    ticket = {
        "id": "35",
        "requester_id": "8447",
        "status": "OPEN",
        "subject": "Size",
        "via": {"channel": "web_service"},
    }
    return {
        "account_id": 22129848,
        "type": f"zen:event-type:{type_}",
        "id": "01HA",
        "time": "2026-02-01T10:00:00Z",
        "detail": {**ticket, **detail},
        "event": event or {},
    }


@pytest.mark.parametrize(
    ("type_", "event", "name"),
    [
        ("ticket.created", None, STARTED),
        (
            "ticket.comment_added",
            {"comment": {"id": "1", "body": "Hi", "is_public": True, "author": {"id": "8447", "is_staff": False}}},
            SENT,
        ),
        (
            "ticket.comment_added",
            {"comment": {"id": "1", "body": "Hi", "author": {"id": "9", "is_staff": True}}},
            RECEIVED,
        ),
        (
            "ticket.comment_added",
            {"comment": {"id": "1", "is_public": False, "author": {"id": "9", "is_staff": True}}},
            None,
        ),
        ("ticket.status_changed", {"current": "SOLVED", "previous": "OPEN"}, ENDED),
        ("ticket.status_changed", {"current": "PENDING", "previous": "OPEN"}, None),
        ("ticket.priority_changed", {}, None),
        (
            "messaging_ticket.message_added",
            {"actor": {"id": "zd:8447", "type": "end_user"}, "message": {"body": "x"}},
            SENT,
        ),
        ("messaging_ticket.message_added", {"actor": {"id": "zd:answerBot", "type": "system"}}, None),
    ],
)
def test_zendesk_s_tickets(type_: str, event: dict[str, Any] | None, name: str | None) -> None:
    found = said(ZENDESK, type_, zendesk(type_, event))
    assert [each["event"] for each in found] == ([] if name is None else [name])
    for each in found:
        assert (each["channel"], identifiers(each)) == ("chat", ["zendesk:zd:8447"])
        assert each["occurred_at"] == "2026-02-01T10:00:00.000Z"


def test_zendesk_s_users_and_triggers() -> None:
    detail: dict[str, Any] = {"id": "8447", "external_id": "u1", "email": "j@x.fr", "name": "Jane", "role": "end-user"}
    event = one(ZENDESK, "user.created", zendesk("user.created", **detail))
    assert identifiers(event) == ["user_id:u1", "email:j@x.fr", "zendesk:zd:8447"]
    assert isinstance(said(ZENDESK, "organization.created", zendesk("organization.created"))[0], Unfit)
    trigger = {"ticket": {"id": 35, "requester": {"email": "j@x.fr"}, "score": "good"}}
    assert isinstance(said(ZENDESK, "", trigger)[0], Unfit)
    mapping = {
        "event": "Ticket Rated",
        "message_id": "$.ticket.id",
        "identifiers": {"email": "$.ticket.requester.email"},
        "properties": {"rating": "$.ticket.score"},
    }
    event = one(source_of("zendesk", "zd", mapping=mapping), "", trigger)
    assert (event["event"], event["properties"], event["message_id"]) == ("Ticket Rated", {"rating": "good"}, "35")
    assert identifiers(event) == ["email:j@x.fr"]


CONTACT = {
    "id": 12,
    "name": "Jane",
    "email": "j@x.fr",
    "phone_number": "+33612345678",
    "identifier": "u1",
    "type": "contact",
}


def chatwoot(message_type: Any, sender: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "event": "message_created",
        "id": 5,
        "content": "Hello",
        "created_at": "2026-02-01T10:00:00.000Z",
        "message_type": message_type,
        "private": False,
        "sender": sender,
        "conversation": {"id": 77, "meta": {"sender": CONTACT}},
        "inbox": {"id": 1, "name": "Site"},
        **more,
    }


AGENT = {"id": 1, "name": "Ann", "email": "ann@shop.example", "type": "user"}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (chatwoot("incoming", CONTACT), SENT),
        (chatwoot(0, CONTACT), SENT),
        (chatwoot("outgoing", AGENT), RECEIVED),
        (chatwoot(1, AGENT), RECEIVED),
        (chatwoot("outgoing", AGENT, private=True), None),
        (chatwoot("activity", {}), None),
        (chatwoot("template", {}), None),
    ],
)
def test_chatwoot_s_messages(content: dict[str, Any], name: str | None) -> None:
    found = said(CHATWOOT, "message_created", content)
    assert [each["event"] for each in found] == ([] if name is None else [name])
    for each in found:
        # The agent's e-mail address is not the shopper's.
        assert identifiers(each) == ["user_id:u1", "email:j@x.fr", "phone:+33612345678", "chatwoot:chat:12"]
        assert each["properties"]["conversation_id"] == "77"
        assert each["properties"].get("agent_name") == ("Ann" if name == RECEIVED else None)


def test_chatwoot_s_conversations_and_contacts() -> None:
    conversation = {
        "id": 77,
        "status": "resolved",
        "meta": {"sender": CONTACT, "assignee": AGENT},
        "created_at": 1769940000,
    }
    assert one(CHATWOOT, "conversation_created", conversation)["event"] == STARTED
    assert one(CHATWOOT, "conversation_status_changed", conversation)["event"] == ENDED
    assert said(CHATWOOT, "conversation_status_changed", {**conversation, "status": "open"}) == []
    event = one(CHATWOOT, "contact_updated", {**CONTACT, "custom_attributes": {"vip": True}})
    assert (event["type"], event["traits"]["vip"], event["traits"]["name"]) == ("identify", True, "Jane")
    assert said(CHATWOOT, "conversation_typing_on", {}) == []
    assert isinstance(said(CHATWOOT, "macro_run", {})[0], Unfit)


def crisp(event: str, **data: Any) -> dict[str, Any]:
    return {"website_id": "w", "event": event, "data": {"session_id": "session_1", **data}, "timestamp": 1769940000123}


@pytest.mark.parametrize(
    ("event", "data", "name"),
    [
        ("message:send", {"type": "text", "content": "Hi", "from": "user", "fingerprint": 1}, SENT),
        ("message:send", {"type": "file", "content": {"name": "a.png", "text": "see"}, "fingerprint": 2}, SENT),
        (
            "message:received",
            {"type": "text", "content": "Hi", "from": "operator", "user": {"user_id": "op", "nickname": "Ann"}},
            RECEIVED,
        ),
        ("message:received", {"type": "note", "content": "hm"}, None),
        ("session:request:initiated", {}, STARTED),
        ("session:set_state", {"state": "resolved"}, ENDED),
        ("session:set_state", {"state": "pending"}, None),
        ("message:updated", {}, None),
    ],
)
def test_crisp_s_conversations(event: str, data: dict[str, Any], name: str | None) -> None:
    found = said(CRISP, event, crisp(event, **data))
    assert [each["event"] for each in found] == ([] if name is None else [name])
    for each in found:
        assert identifiers(each) == ["crisp:session_1"]
        assert each["occurred_at"] == "2026-02-01T10:00:00.123Z"


def test_crisp_s_visitors() -> None:
    assert identifiers(one(CRISP, "session:set_email", crisp("", email="J@x.fr"))) == [
        "email:j@x.fr",
        "crisp:session_1",
    ]
    assert identifiers(one(CRISP, "session:set_phone", crisp("", phone="+33612345678")))[0] == "phone:+33612345678"
    assert one(CRISP, "session:set_nickname", crisp("", nickname="Jane"))["traits"] == {"name": "Jane"}
    event = one(CRISP, "session:set_data", crisp("", data={"user_id": "u1", "plan": "gold"}))
    assert (identifiers(event)[0], event["traits"]) == ("user_id:u1", {"plan": "gold"})
    assert isinstance(said(CRISP, "campaign:progress", crisp(""))[0], Unfit)
