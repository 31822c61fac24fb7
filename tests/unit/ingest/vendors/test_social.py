"""Deliveries of Meta and X: many items in one, each an event of its own."""

from typing import Any

import pytest

from ingest.canonical import Unfit
from tests.unit.ingest.vendors.reading import identifiers, one, said, source_of

META = source_of("meta", "meta", verify_token="t")
X = source_of("x", "x-shop")
SENT, RECEIVED = "Live Chat Message Sent", "Live Chat Message Received"


def page(*items: dict[str, Any], object_: str = "page", part: str = "messaging") -> dict[str, Any]:
    return {"object": object_, "entry": [{"id": "PAGE", "time": 1769940000000, part: list(items)}]}


def message(sender: str, recipient: str, **more: Any) -> dict[str, Any]:
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": 1769940000000, **more}


@pytest.mark.parametrize(
    ("object_", "item", "name", "person"),
    [
        ("page", message("9", "PAGE", message={"mid": "m1", "text": "Hi"}), SENT, "facebook:meta:9"),
        (
            "page",
            message("PAGE", "9", message={"mid": "m2", "text": "Yes", "is_echo": True}),
            RECEIVED,
            "facebook:meta:9",
        ),
        (
            "instagram",
            message("8", "IG", message={"mid": "m3", "attachments": [{"type": "image"}]}),
            SENT,
            "instagram:meta:8",
        ),
        (
            "page",
            message("9", "PAGE", postback={"mid": "m4", "title": "Start", "payload": "S"}),
            SENT,
            "facebook:meta:9",
        ),
        (
            "page",
            message("9", "PAGE", reaction={"mid": "m1", "action": "react", "reaction": "love"}),
            "Reaction Added",
            "facebook:meta:9",
        ),
        (
            "page",
            message("9", "PAGE", reaction={"mid": "m1", "action": "unreact"}),
            "Reaction Removed",
            "facebook:meta:9",
        ),
        ("page", message("9", "PAGE", read={"watermark": 5}), None, ""),
        ("page", message("9", "PAGE", delivery={"mids": ["m1"]}), None, ""),
    ],
)
def test_messages_of_pages_and_instagram(object_: str, item: dict[str, Any], name: str | None, person: str) -> None:
    found = said(META, object_, page(item, object_=object_))
    assert [each["event"] for each in found] == ([] if name is None else [name])
    for each in found:
        assert identifiers(each) == [person]
        assert each["channel"] == ("chat" if name in (SENT, RECEIVED) else "social")
        assert each["occurred_at"] == "2026-02-01T10:00:00.000Z"


@pytest.mark.parametrize(
    ("object_", "field", "value", "name"),
    [
        (
            "page",
            "feed",
            {
                "item": "comment",
                "verb": "add",
                "comment_id": "P_1",
                "from": {"id": "9", "name": "Jane"},
                "message": "Nice",
                "created_time": 1769940000,
            },
            "Comment Posted",
        ),
        ("page", "feed", {"item": "comment", "verb": "remove", "comment_id": "P_1", "from": {"id": "9"}}, None),
        ("page", "feed", {"item": "comment", "verb": "add", "comment_id": "P_2", "from": {"id": "PAGE"}}, None),
        (
            "page",
            "feed",
            {"item": "reaction", "verb": "add", "reaction_type": "love", "post_id": "P", "from": {"id": "9"}},
            "Reaction Added",
        ),
        ("page", "feed", {"item": "like", "verb": "remove", "post_id": "P", "from": {"id": "9"}}, "Reaction Removed"),
        ("page", "feed", {"item": "photo", "verb": "add", "from": {"id": "9"}}, None),
        ("page", "mention", {"post_id": "Q", "sender_id": "9"}, "Brand Mentioned"),
        (
            "instagram",
            "comments",
            {"id": "17", "text": "Nice", "from": {"id": "9", "username": "jane"}, "media": {"id": "M"}},
            "Comment Posted",
        ),
        ("instagram", "mentions", {"media_id": "M", "comment_id": "18", "from": {"id": "9"}}, "Brand Mentioned"),
    ],
)
def test_changes_of_pages_and_instagram(object_: str, field: str, value: dict[str, Any], name: str | None) -> None:
    found = said(META, object_, page({"field": field, "value": value}, object_=object_, part="changes"))
    assert [each["event"] for each in found] == ([] if name is None else [name])
    for each in found:
        network = "facebook" if object_ == "page" else "instagram"
        assert (identifiers(each), each["channel"]) == ([f"{network}:meta:9"], "social")


def whatsapp(**value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "1555", "phone_number_id": "106"}
    return page(
        {"field": "messages", "value": {"metadata": metadata, **value}},
        object_="whatsapp_business_account",
        part="changes",
    )


def test_whatsapp() -> None:
    texts = [
        {"from": "33612345678", "id": "wamid.1", "timestamp": "1769940000", "type": "text", "text": {"body": "Hi"}},
        {
            "from": "33612345678",
            "id": "wamid.2",
            "timestamp": "1769940001",
            "type": "image",
            "image": {"caption": "This"},
        },
        {
            "from": "33612345678",
            "id": "wamid.3",
            "timestamp": "1769940002",
            "type": "reaction",
            "reaction": {"emoji": "👍", "message_id": "w"},
        },
    ]
    contacts = [{"profile": {"name": "Jane"}, "wa_id": "33612345678"}]
    found = said(META, "whatsapp_business_account", whatsapp(messages=texts, contacts=contacts))
    assert [each["event"] for each in found] == [SENT, SENT, "Reaction Added"]
    assert [each["message_id"] for each in found] == ["wamid.1", "wamid.2", "wamid.3"]
    assert identifiers(found[0]) == ["phone:+33612345678", "whatsapp:33612345678"]
    assert (found[0]["occurred_at"], found[1]["properties"]["message_body"]) == ("2026-02-01T10:00:00.000Z", "This")
    assert [each["properties"]["user_name"] for each in found] == ["Jane"] * 3
    assert said(META, "whatsapp_business_account", whatsapp(statuses=[{"id": "wamid.9", "status": "read"}])) == []


def test_ids_are_meta_s_own_and_long_ones_are_shortened() -> None:
    long = "m_" + "a" * 200
    content = page(message("9", "PAGE", message={"mid": long, "text": "Hi"}))
    first, again = one(META, "page", content, "d1"), one(META, "page", content, "d2")
    assert first["message_id"] == again["message_id"]
    assert len(first["message_id"]) == 36


def test_of_many_items_only_those_that_nobody_understands_are_kept_aside() -> None:
    content = page(
        message("9", "PAGE", message={"mid": "m1", "text": "Hi"}),
        message("9", "PAGE", game_play={"score": 5}),
        message("7", "PAGE", message={"mid": "m2", "text": "Hi"}),
    )
    first, letter, third = said(META, "page", content)
    assert (first["message_id"], third["message_id"]) == ("m1", "m2")
    assert isinstance(letter, Unfit)
    assert letter.payload["messageId"] == "d1:1"
    assert [list(item) for item in letter.payload["body"]["entry"][0]["messaging"]] == [
        ["sender", "recipient", "timestamp", "game_play"]
    ]
    assert isinstance(said(META, "user", {"object": "user", "entry": []})[0], Unfit)


def test_x_s_mentions_messages_follows_and_likes() -> None:
    post = {
        "id_str": "1520",
        "text": "@shop hello",
        "user": {"id_str": "22", "screen_name": "jane"},
        "created_at": "Sun Feb 01 10:00:00 +0000 2026",
        "in_reply_to_user_id_str": "1",
    }
    own = {**post, "id_str": "1521", "user": {"id_str": "1"}}
    (mention,) = said(X, "tweet_create_events", {"for_user_id": "1", "tweet_create_events": [post, own]})
    assert (mention["event"], mention["channel"], identifiers(mention)) == ("Brand Mentioned", "social", ["x:22"])
    assert (mention["occurred_at"], mention["message_id"]) == ("2026-02-01T10:00:00.000Z", "post:1520")
    written = {"type": "message_create", "id": "77", "created_timestamp": "1769940000000"}
    came = {
        **written,
        "message_create": {"sender_id": "22", "target": {"recipient_id": "1"}, "message_data": {"text": "Hi"}},
    }
    went = {
        **written,
        "id": "78",
        "message_create": {"sender_id": "1", "target": {"recipient_id": "22"}, "message_data": {"text": "Yes"}},
    }
    found = said(X, "direct_message_events", {"for_user_id": "1", "direct_message_events": [came, went]})
    assert [(each["event"], each["channel"], identifiers(each)) for each in found] == [
        (SENT, "chat", ["x:22"]),
        (RECEIVED, "chat", ["x:22"]),
    ]
    follow = {"type": "follow", "created_timestamp": "1769940000000", "source": {"id": "22"}, "target": {"id": "1"}}
    ours = {**follow, "source": {"id": "1"}, "target": {"id": "22"}}
    content = {"for_user_id": "1", "follow_events": [follow, ours, {**follow, "type": "unfollow"}]}
    assert [each["event"] for each in said(X, "follow_events", content)] == ["Account Followed", "Account Unfollowed"]
    like = {"id": "l1", "timestamp_ms": 1769940000000, "user": {"id_str": "22"}, "favorited_status": {"id_str": "5"}}
    (liked,) = said(X, "favorite_events", {"for_user_id": "1", "favorite_events": [like]})
    assert (liked["event"], liked["properties"]["post_id"]) == ("Reaction Added", "5")
    assert said(X, "tweet_delete_events", {"for_user_id": "1", "tweet_delete_events": [{}]}) == []
    assert isinstance(said(X, "user_event", {"user_event": {"revoke": {}}})[0], Unfit)
