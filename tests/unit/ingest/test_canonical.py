"""From message to canonical event: every rule of the wire."""

import copy
from typing import Any

import pytest

from ingest.canonical import MESSAGE_ID_CHARACTERS, Reception, Rejection, canonical
from schemas.errors import REASONS
from schemas.event import CanonicalEvent
from schemas.identifier import Identifier, event_id_of, seed_of
from schemas.source import Source

NOW = 1_769_854_500_123
AT = "2026-01-31T10:15:00.123Z"
SHOP = Source(kind="tracking", name="web-shop", write_keys=("wk",))


def received(message: Any, source: Source = SHOP, **more: Any) -> dict[str, Any] | Rejection:
    reception = Reception(source, NOW, **more)
    before = copy.deepcopy(message)
    outcome = canonical(message, reception, new_id=lambda: "random")
    assert message == before, "canonicalisation changes nothing that it is given"
    return outcome


def event_of(message: dict[str, Any], source: Source = SHOP, **more: Any) -> dict[str, Any]:
    outcome = received({"type": "track", "event": "E", "userId": "u1", "messageId": "m1", **message}, source, **more)
    assert not isinstance(outcome, Rejection), outcome
    CanonicalEvent.model_validate(outcome)
    return outcome


def test_the_whole_of_a_small_event() -> None:
    message = {
        "type": "track",
        "event": "Product Viewed",
        "userId": "u1",
        "anonymousId": "a1",
        "messageId": "m1",
        "timestamp": "2026-01-31T10:14:00Z",
        "sentAt": "2026-01-31T10:14:30Z",
        "properties": {"product_id": "sku-1"},
        "integrations": {"All": True},
        "context": {"locale": "fr-FR"},
    }
    seed = seed_of(Identifier("user_id", "u1"))
    assert event_of(message) == {
        "schema_version": 1,
        "event_id": event_id_of("web-shop", "m1"),
        "source": "web-shop",
        "channel": "web",
        "type": "track",
        "event": "Product Viewed",
        "message_id": "m1",
        "seed": seed,
        "identifiers": [{"type": "user_id", "value": "u1"}, {"type": "anonymous_id", "value": "a1"}],
        "occurred_at": "2026-01-31T10:14:30.123Z",
        "received_at": AT,
        "sent_at": "2026-01-31T10:14:30.000Z",
        "original_timestamp": "2026-01-31T10:14:00.000Z",
        "properties": {"product_id": "sku-1"},
        "traits": {},
        "context": {"locale": "fr-FR"},
        "integrations": {"All": True},
        "flags": [],
    }


# Channels.


@pytest.mark.parametrize(
    ("message", "setting", "channel"),
    [
        ({"event": "Product Viewed"}, None, "web"),
        ({"event": "Order Completed"}, None, "order"),
        ({"event": "Order Refunded"}, "chat", "order"),
        ({"event": "Live Chat Message Sent"}, "order", "chat"),
        ({"event": "Product Viewed"}, "social", "social"),
        ({"type": "page", "name": "Order Completed"}, None, "web"),
        ({"type": "identify"}, "chat", "chat"),
    ],
)
def test_the_name_decides_the_channel_then_the_source(message: dict[str, Any], setting: Any, channel: str) -> None:
    assert event_of(message, SHOP.model_copy(update={"channel": setting}))["channel"] == channel


# Names.


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ({"event": " Signed Up "}, "Signed Up"),
        ({"event": 404}, "404"),
        ({"type": "page", "name": "Home"}, "Home"),
        ({"type": "page", "properties": {"name": "Home"}}, "Home"),
        ({"type": "page", "name": "", "properties": {"name": "Home"}}, "Home"),
        ({"type": "screen", "name": "Start"}, "Start"),
        ({"type": "page"}, None),
        ({"type": "identify"}, None),
        ({"type": "group"}, None),
        ({"type": "alias"}, None),
    ],
)
def test_names(message: dict[str, Any], name: str | None) -> None:
    assert event_of(message)["event"] == name


# Times.


@pytest.mark.parametrize(
    ("times", "occurred", "original", "sent", "flags"),
    [
        ({}, AT, AT, None, []),
        ({"timestamp": "2026-01-31T09:00:00Z"}, "2026-01-31T09:00:00.000Z", "2026-01-31T09:00:00.000Z", None, []),
        (
            {"timestamp": "2026-01-31T08:00:00Z", "originalTimestamp": "2026-01-31T09:00:00Z"},
            "2026-01-31T09:00:00.000Z",
            "2026-01-31T09:00:00.000Z",
            None,
            [],
        ),
        (
            {"originalTimestamp": "2026-01-31T12:15:00.123Z", "sentAt": "2026-01-31T12:15:03.123Z"},
            "2026-01-31T10:14:57.123Z",
            "2026-01-31T12:15:00.123Z",
            "2026-01-31T12:15:03.123Z",
            [],
        ),
        ({"originalTimestamp": "junk", "timestamp": "junk", "sentAt": "junk"}, AT, AT, None, []),
        ({"timestamp": "2026-02-05T00:00:00Z"}, AT, "2026-02-05T00:00:00.000Z", None, ["clamped"]),
        ({"timestamp": "1066-10-14T09:00:00Z"}, "1900-01-01T00:00:00.000Z", "1900-01-01T00:00:00.000Z", None, []),
    ],
)
def test_times(times: dict[str, Any], occurred: str, original: str, sent: str | None, flags: list[str]) -> None:
    event = event_of(times)
    assert (event["occurred_at"], event["original_timestamp"], event["sent_at"]) == (occurred, original, sent)
    assert event["flags"] == flags
    assert event["received_at"] == AT


def test_the_batch_s_time_of_sending_serves_those_without_one() -> None:
    times = {"timestamp": "2026-01-31T10:00:00Z"}
    late = NOW - 60_000
    assert event_of(times, sent=late)["occurred_at"] == "2026-01-31T10:01:00.000Z"
    assert event_of({**times, "sentAt": "2026-01-31T10:00:01Z"}, sent=late)["occurred_at"] == "2026-01-31T10:14:59.123Z"


def test_history_keeps_the_time_that_it_gives() -> None:
    times = {"timestamp": "2020-01-31T10:00:00Z", "sentAt": "2026-01-31T10:00:00Z"}
    assert event_of(times, historical=True)["occurred_at"] == "2020-01-31T10:00:00.000Z"


# Message ids.


@pytest.mark.parametrize(
    ("given_id", "message_id"),
    [
        ("m1", "m1"),
        (17, "17"),
        (17.0, "17"),
        ("m\x00\n1", "m1"),
        ("x" * MESSAGE_ID_CHARACTERS, "x" * 100),
        ("é" * 100, "é" * 100),
    ],
)
def test_message_ids(given_id: Any, message_id: str) -> None:
    event = event_of({"messageId": given_id})
    assert event["message_id"] == message_id
    assert event["event_id"] == event_id_of("web-shop", message_id)


@pytest.mark.parametrize("missing", [None, "", "  ", "\x00", True, [], {}])
def test_a_missing_id_is_made_from_the_body_where_that_has_a_time(missing: Any) -> None:
    message = {"messageId": missing, "timestamp": "2026-01-31T10:00:00Z"}
    first, retry = event_of({**message, "sentAt": "2026-01-31T10:00:01Z"}), event_of({**message, "sentAt": None})
    assert first["message_id"] == retry["message_id"] != "random"
    assert event_of({**message, "userId": "u2"})["message_id"] != first["message_id"]
    other = SHOP.model_copy(update={"name": "other"})
    assert event_of(message, other)["message_id"] != first["message_id"]
    assert event_of({"messageId": missing})["message_id"] == "random"


# People.


def test_traits_of_identify_may_stand_in_the_context() -> None:
    context = {"traits": {"email": "a@x.fr", "first_name": "J"}}
    event = event_of({"type": "identify", "context": context, "traits": {"first_name": "Jane"}})
    assert event["traits"] == {"email": "a@x.fr", "first_name": "Jane"}
    assert event["context"] == context
    assert event_of({"context": context})["traits"] == {}


def test_a_person_s_traits_have_limits() -> None:
    many = {f"k{number}": number for number in range(300)}
    identify: dict[str, Any] = {"type": "identify", "userId": "u1"}
    assert event_of({**identify, "traits": many})["traits"] == many
    for message in (
        {**identify, "traits": {**many, "one": "more"}},
        {**identify, "traits": many, "context": {"traits": {"one": "more"}}},
        {**identify, "traits": {"text": "x" * (64 * 1024)}},
    ):
        outcome = received(message)
        assert isinstance(outcome, Rejection)
        assert outcome.reason == "too_many_traits"
    assert event_of({"type": "group", "userId": "u1", "groupId": "g", "traits": {**many, "one": "more"}})


def test_traits_of_a_group_are_the_group_s() -> None:
    event = event_of({"type": "group", "groupId": 7, "traits": {"email": "office@acme.example"}})
    assert event["identifiers"] == [{"type": "user_id", "value": "u1"}]
    assert event["traits"] == {"email": "office@acme.example"}
    assert event["context"] == {"group_id": "7"}


def test_an_alias_keeps_its_former_id() -> None:
    event = event_of({"type": "alias", "previousId": " a0 ", "context": {"locale": "fr"}})
    assert event["context"] == {"locale": "fr", "previous_id": "a0"}
    assert event["identifiers"] == [{"type": "user_id", "value": "u1"}]
    assert event_of({"type": "alias"})["context"] == {}


def test_phone_numbers_are_read_in_the_person_s_country() -> None:
    def phones(message: dict[str, Any], **more: Any) -> list[str]:
        return [i["value"] for i in event_of(message, **more)["identifiers"] if i["type"] == "phone"]

    number = {"properties": {"phone": "06 12 34 56 78"}}
    assert phones(number) == []
    assert phones(number, country="FR") == ["+33612345678"]
    assert phones(number, source=SHOP.model_copy(update={"country": "FR"}), country="US") == ["+33612345678"]
    assert phones({**number, "context": {"locale": "fr-FR"}}, country="US") == ["+33612345678"]


def test_what_only_browsers_have() -> None:
    assert "ip" not in event_of({})["context"]
    assert event_of({}, ip="203.0.113.7")["context"] == {"ip": "203.0.113.7"}
    assert event_of({"context": {"ip": "0.0.0.0"}}, ip="203.0.113.7")["context"] == {"ip": "0.0.0.0"}


GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("context", "header", "bot"),
    [
        ({"userAgent": GOOGLEBOT}, None, True),
        ({}, GOOGLEBOT, True),
        ({"userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}, GOOGLEBOT, False),
        ({"userAgent": "python-requests/2.34"}, None, False),
        ({"userAgent": ["Googlebot"]}, None, False),
        ({"userAgent": ""}, None, False),
    ],
)
def test_bots_are_tagged(context: dict[str, Any], header: str | None, bot: bool) -> None:
    assert event_of({"context": context}, user_agent=header)["flags"] == (["bot"] if bot else [])


# Orders.


def test_an_order_event_carries_its_order() -> None:
    order = {"order_id": 1001, "revenue": "70.00", "currency": "eur", "updated_at": "2026-01-31T10:00:00+01:00"}
    event = event_of({"event": "Order Completed", "userId": None, "properties": order})
    assert event["identifiers"] == [{"type": "order:web-shop", "value": "1001"}]
    assert event["seed"] == seed_of(Identifier("order:web-shop", "1001"))
    assert event["properties"] == {
        "order_id": "1001",
        "store": "web-shop",
        "revenue": "70.00",
        "total": "70.00",
        "currency": "EUR",
        "updated_at": "2026-01-31T09:00:00.000Z",
    }


def test_the_store_of_an_order() -> None:
    def store(properties: dict[str, Any], **source: Any) -> str:
        message = {"event": "Order Updated", "properties": {"order_id": "1", **properties}}
        return str(event_of(message, SHOP.model_copy(update=source))["identifiers"][-1]["type"])

    assert store({}) == "order:web-shop"
    assert store({}, store="shop-a") == "order:shop-a"
    assert store({"store": "shop-b"}, store="shop-a") == "order:shop-b"


def test_an_order_id_is_no_identifier_elsewhere() -> None:
    event = event_of({"event": "Checkout Started", "properties": {"order_id": "1"}})
    assert [i["type"] for i in event["identifiers"]] == ["user_id"]
    assert event["properties"] == {"order_id": "1"}


# Rejections.


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "invalid_event"),
        (5, "invalid_event"),
        ("track", "invalid_event"),
        ([], "invalid_event"),
        ({}, "unknown_type"),
        ({"type": "Track"}, "unknown_type"),
        ({"type": ["track"]}, "unknown_type"),
        ({"type": {}}, "unknown_type"),
        ({"type": "track", "userId": "u"}, "invalid_event"),
        ({"type": "track", "event": "", "userId": "u"}, "invalid_event"),
        ({"type": "track", "event": {}, "userId": "u"}, "invalid_event"),
        ({"type": "page"}, "no_usable_identifier"),
        ({"type": "page", "userId": "null", "anonymousId": "00000000"}, "no_usable_identifier"),
        ({"type": "alias", "previousId": "a0"}, "no_usable_identifier"),
        ({"type": "group", "groupId": "g", "traits": {"email": "a@x.fr"}}, "no_usable_identifier"),
        ({"type": "page", "userId": "u", "messageId": "x" * 101}, "message_id_too_long"),
        *(
            ({"type": "page", "userId": "u", key: value}, "invalid_event")
            for key in ("properties", "traits", "context", "integrations")
            for value in ("x", 5, True, [1], "")
        ),
    ],
)
def test_rejections(message: Any, reason: str) -> None:
    outcome = received(message)
    assert isinstance(outcome, Rejection)
    assert outcome.reason == reason
    assert outcome.reason in REASONS
    assert outcome.message.endswith(".")


@pytest.mark.parametrize("key", ["properties", "traits", "context", "integrations"])
@pytest.mark.parametrize("empty", [None, [], {}])
def test_empty_objects_in_any_dress(key: str, empty: Any) -> None:
    assert event_of({key: empty})[key] == {}
