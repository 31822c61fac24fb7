"""Dead letters go in again through everything that a message goes through, once, and what became of them is kept."""

import hmac
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from schemas.codec import dumps
from schemas.identifier import event_id_of
from tests.unit.ingest.memory import KEY, MemoryLog, collector

REPLAY_KEY = "rk_test"
AT = "2026-01-31T10:15:00.123Z"


def letter(payload: Any, **changes: Any) -> dict[str, Any]:
    text = payload if isinstance(payload, str) else dumps(payload).decode()
    return {"id": "letter-1", "source": "default", "at": AT, "payload": text, **changes}


def replay(client: TestClient, *letters: dict[str, Any], key: str = REPLAY_KEY) -> Any:
    return client.post("/v1/replays", json={"letters": letters}, headers={"authorization": f"Bearer {key}"})


def outcome(client: TestClient, payload: Any, **changes: Any) -> dict[str, Any]:
    answer = replay(client, letter(payload, **changes))
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["outcomes"]
    return dict(found)


PAGE = {"type": "page", "userId": "u1", "messageId": "m1"}


def test_an_accepted_letter_is_the_event_that_it_would_have_been() -> None:
    with collector(replay_key=REPLAY_KEY) as (client, log):
        found = outcome(client, PAGE)
        (event,) = log.events()
        (kept,) = log.values("events.replays")
    assert event["event_id"] == event_id_of("default", "m1")
    assert (event["received_at"], event["occurred_at"]) == (AT, AT), "as of the time at which it first came"
    assert found == kept
    assert found | {"at": ""} == {
        "schema_version": 1,
        "id": "letter-1",
        "source": "default",
        "at": "",
        "outcome": "accepted",
        "event_ids": [event["event_id"]],
        "reason": None,
        "message": "",
        "corrected": False,
    }


def test_twice_is_once_even_without_an_id() -> None:
    with collector(replay_key=REPLAY_KEY) as (client, log):
        for _ in range(2):
            outcome(client, {"type": "page", "userId": "u1"})
        outcome(client, {"type": "page", "userId": "u1"}, id="letter-2")
        ids = [event["event_id"] for event in log.events()]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("payload", "changes", "reason"),
    [
        ({"type": "fax", "userId": "u1"}, {}, "unknown_type"),
        ({"type": "page"}, {}, "no_usable_identifier"),
        ("broken {", {}, "invalid_event"),
        ('{"a": "\\ud83d"}', {}, "unknown_type"),
        ([], {}, "invalid_event"),
        ("[" * 2000, {}, "invalid_event"),
        ('{"type":"page","userId":"u","properties":{"a":' + "[" * 600 + "]" * 600 + "}}", {}, "invalid_event"),
        (PAGE, {"source": "gone"}, "unknown_source"),
        ({"type": "webhook", "kind": "shopify", "topic": "fax/sent", "messageId": "m", "body": {}}, {}, "unknown_type"),
    ],
)
def test_what_is_rejected_again_says_why(payload: Any, changes: dict[str, str], reason: str) -> None:
    with collector(replay_key=REPLAY_KEY) as (client, log):
        found = outcome(client, payload, **changes)
        assert (found["outcome"], found["reason"], found["event_ids"]) == ("rejected", reason, [])
        assert found["message"]
        assert log.values("events.replays") == [found]
        assert not log.events()
        assert not log.dead_letters(), "the letter is there already"


def test_many_at_once_each_with_its_outcome() -> None:
    with collector(replay_key=REPLAY_KEY) as (client, log):
        letters = [letter(PAGE | {"messageId": f"m{number}"}, id=f"l{number}") for number in range(20)]
        letters[7]["payload"] = "broken"
        letters[8]["corrected"] = True
        outcomes = replay(client, *letters).json()["outcomes"]
        assert [each["id"] for each in outcomes] == [f"l{number}" for number in range(20)]
        assert [each["outcome"] for each in outcomes].count("rejected") == 1
        assert [each["corrected"] for each in outcomes].count(True) == 1
        assert len(log.events()) == 19
        assert replay(client).json() == {"outcomes": []}


def test_only_the_api_may() -> None:
    with collector(replay_key=REPLAY_KEY) as (client, log):
        for key in ("", "other", KEY, REPLAY_KEY + "x"):
            assert replay(client, letter(PAGE), key=key).status_code == 401
        assert not log.records
    with collector() as (client, log):
        for key in ("", REPLAY_KEY):
            assert replay(client, letter(PAGE), key=key).status_code == 404
        assert not log.records


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"letters": 5}', b'{"letters": [{}]}', b"\xff", b'{"letters": [{"id": 1}]}']
)
def test_what_is_no_request_is_a_400(body: bytes) -> None:
    with collector(replay_key=REPLAY_KEY) as (client, _):
        answer = client.post("/v1/replays", content=body, headers={"authorization": f"Bearer {REPLAY_KEY}"})
        assert answer.status_code == 400
        wrong = replay(client, letter(PAGE, at="yesterday"))
        assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_request")


def test_a_webhook_goes_in_again_once_its_topic_is_understood(tmp_path: Path) -> None:
    sources = tmp_path / "sources.yaml"
    sources.write_text("sources: {shop-a: {kind: shopify, secrets: [s]}}")
    body = dumps({"id": 9, "email": "k@x.fr", "updated_at": "2026-01-31T10:15:00Z"})
    headers = {
        "x-shopify-hmac-sha256": b64encode(hmac.new(b"s", body, "sha256").digest()).decode(),
        "x-shopify-topic": "customers/fax",
        "x-shopify-webhook-id": "delivery-1",
    }
    with collector(replay_key=REPLAY_KEY, sources=sources) as (client, log):
        assert client.post("/v1/webhooks/shopify/shop-a", content=body, headers=headers).status_code == 200
        (kept,) = log.dead_letters()
        assert kept["reason"] == "unknown_topic"
        again = {"source": "shop-a", "id": kept["id"]}
        assert outcome(client, kept["payload"], **again)["reason"] == "unknown_topic"
        understood = kept["payload"].replace("customers/fax", "customers/create")
        for _ in range(2):
            assert outcome(client, understood, **again)["outcome"] == "accepted"
        events = {event["event_id"]: event for event in log.events()}
        (event,) = events.values()
        assert (event["type"], event["message_id"]) == ("identify", "delivery-1")
        assert {"type": "shopify:shop-a", "value": "9"} in event["identifiers"]


def test_what_was_rejected_of_an_import_keeps_its_time() -> None:
    old = {"type": "fax", "userId": "u1", "timestamp": "2020-01-01T00:00:00Z", "sentAt": "2026-01-01T00:00:00Z"}
    with collector(replay_key=REPLAY_KEY) as (client, log):
        client.post("/v1/import", json={"batch": [old]}, auth=(KEY, ""))
        (kept,) = log.dead_letters()
        assert outcome(client, kept["payload"].replace("fax", "page"))["outcome"] == "accepted"
        assert log.events()[0]["occurred_at"] == "2020-01-01T00:00:00.000Z"


def test_while_kafka_is_away_nothing_is_kept() -> None:
    with collector(replay_key=REPLAY_KEY) as (client, log):
        assert isinstance(log, MemoryLog)
        log.away = True
        assert replay(client, letter(PAGE)).status_code == 503
        assert not log.records
