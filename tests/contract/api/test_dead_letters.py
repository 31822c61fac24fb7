"""Dead letters over HTTP: listed once, filtered, hidden from operators, replayed through a real collector."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from schemas.settings import Settings
from tests.parts.api import Api, running_api
from tests.parts.collecting import collecting
from tests.parts.people import TOPICS, Writer
from tests.unit.ingest.memory import MemoryLog
from tests.unit.projections.records import dead_letter, replay

OPERATOR = "Bearer op-token"


@pytest.fixture(scope="module")
def both(shared_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, MemoryLog]]:
    with collecting(write_keys="wk_1", replay_key="rk") as (url, log):
        settings = shared_settings.model_copy(
            update={
                "kafka_bootstrap": "127.0.0.1:9",
                "collector_url": url,
                "replay_key": SecretStr("rk"),
                "api_tokens": "test-token,op-token:operator",
            }
        )
        with running_api(settings, tmp_path_factory.mktemp("replaying")) as api:
            yield api, log


@pytest.fixture
def asked(both: tuple[Api, MemoryLog], writer: Writer) -> tuple[Api, MemoryLog, Writer]:
    both[1].records.clear()
    both[1].away = False
    return *both, writer


def replay_record(**changes: Any) -> dict[str, Any]:
    return replay(**{"at": "2099-12-01T00:00:00.000Z", **changes})


def letter(number: int, **changes: Any) -> dict[str, Any]:
    # Not of the past: what is older than 30 days goes by itself.
    at = f"2099-11-{1 + number // 24:02d}T{number % 24:02d}:00:00.000Z"
    payload = f'{{"type":"page","userId":"u{number}","messageId":"m{number}"}}'
    return dead_letter(id=f"l{number:03d}", source="default", at=at, payload=payload, **changes)


def test_each_is_listed_once_newest_first(asked: tuple[Api, MemoryLog, Writer]) -> None:
    api, _, writer = asked
    writer.put(TOPICS.rejected, [letter(number) for number in range(30)])
    # The third came again, later.
    again = {**letter(3), "at": "2099-11-03T00:00:00.000Z"}
    writer.put(TOPICS.rejected, [again, again])
    listed = api.every("/v1/dead-letters", 7)
    ids = [each["id"] for each in listed]
    assert ids == ["l003", *(f"l{number:03d}" for number in range(29, -1, -1) if number != 3)]
    assert listed[0]["at"] == "2099-11-03T00:00:00.000Z"
    assert set(listed[0]) == {"id", "source", "reason", "message", "at", "payload", "replays"}
    assert api.get("/v1/dead-letters/l003").json == listed[0]


def test_filters(asked: tuple[Api, MemoryLog, Writer]) -> None:
    api, _, writer = asked
    letters = [letter(number) for number in range(10)]
    letters[2]["source"] = "till"
    letters[4]["reason"] = "unknown_type"
    writer.put(TOPICS.rejected, letters)
    accepted = replay_record(id="l005", outcome="accepted", event_ids=["00000000-0000-0000-0000-000000000001"])
    writer.put(TOPICS.replays, [replay_record(id="l005", at="2099-01-01T00:00:00.000Z"), accepted])

    def ids(query: str) -> list[str]:
        return [each["id"] for each in api.get(f"/v1/dead-letters?{query}").json["items"]]

    assert ids("source=till") == ["l002"]
    assert ids("reason=unknown_type") == ["l004"]
    assert ids("source=till&reason=unknown_type") == []
    assert ids("from=2099-11-01T03:00:00Z&to=2099-11-01T05:00:00Z") == ["l004", "l003"]
    assert ids("state=accepted") == ["l005"]
    assert "l005" not in ids("state=open")
    assert len(ids("state=open")) == 9
    replays = api.get("/v1/dead-letters/l005").json["replays"]
    assert [each["outcome"] for each in replays] == ["accepted", "rejected"], "newest first"
    assert api.get("/v1/dead-letters?state=accepted").json["items"][0]["replays"] == replays[:1]
    for wrong in ("from=soon", "state=x", "limit=0", "nothing=1"):
        assert api.get(f"/v1/dead-letters?{wrong}").status == 422


def test_operators_see_no_payloads_and_no_people(asked: tuple[Api, MemoryLog, Writer]) -> None:
    api, log, writer = asked
    quoting = letter(2, reason="undecodable", message="ValueError: 'jane@x.fr'")
    writer.put(TOPICS.rejected, [letter(1), quoting])
    answer = api.get("/v1/dead-letters", authorization=OPERATOR)
    assert [each["payload"] for each in answer.json["items"]] == [None, None]
    one = api.get("/v1/dead-letters/l002", authorization=OPERATOR).json
    assert (one["payload"], one["message"]) == (None, "")
    for path in ("/v1/profiles/user_id:u1", "/v1/segments", "/v1/analytics/rfm"):
        refused = api.get(path, authorization=OPERATOR)
        assert (refused.status, refused.json["type"]) == (403, "urn:kith:forbidden")
    assert api.ask("POST", "/v1/dead-letters/l001/replay", authorization=OPERATOR).status == 200
    assert len(log.events()) == 1
    corrected = api.ask("POST", "/v1/dead-letters/l001/replay", {"payload": {}}, authorization=OPERATOR)
    assert corrected.status == 403


def test_a_letter_goes_in_again_as_it_came(asked: tuple[Api, MemoryLog, Writer]) -> None:
    api, log, writer = asked
    writer.put(TOPICS.rejected, [letter(1)])
    answer = api.ask("POST", "/v1/dead-letters/l001/replay")
    assert (answer.status, answer.json["outcome"], answer.json["corrected"]) == (200, "accepted", False)
    (event,) = log.events()
    assert answer.json["event_ids"] == [event["event_id"]]
    assert (event["message_id"], event["received_at"]) == ("m1", letter(1)["at"])
    assert log.values("events.replays") == [answer.json]


@pytest.mark.parametrize(
    ("correction", "outcome"),
    [
        ({"payload": {"type": "page", "userId": "other"}}, "accepted"),
        ({"payload": '{"type":"page","userId":"other"}'}, "accepted"),
        ({"payload": {"type": "fax"}}, "rejected"),
        ({"payload": "not json"}, "rejected"),
        ({"payload": [1]}, "rejected"),
        ({}, "accepted"),
        ({"payload": None}, "accepted"),
    ],
)
def test_or_corrected(asked: tuple[Api, MemoryLog, Writer], correction: dict[str, Any], outcome: str) -> None:
    api, log, writer = asked
    writer.put(TOPICS.rejected, [letter(1)])
    answer = api.post("/v1/dead-letters/l001/replay", correction)
    assert (answer.status, answer.json["outcome"]) == (200, outcome)
    assert answer.json["corrected"] == (correction.get("payload") is not None)
    assert len(log.events()) == (outcome == "accepted")
    assert (answer.json["reason"] is None) == (outcome == "accepted")


def test_a_query_s_worth(asked: tuple[Api, MemoryLog, Writer]) -> None:
    api, log, writer = asked
    letters = [letter(number) for number in range(25)]
    letters[10]["payload"] = "broken"
    letters[11]["source"] = "till"
    writer.put(TOPICS.rejected, letters)
    writer.put(TOPICS.replays, [replay_record(id="l012", outcome="accepted"), replay_record(id="l013")])
    totals = {"replayed": 0, "accepted": 0, "rejected": 0}
    cursor = None
    while True:
        answer = api.post("/v1/dead-letters/replay", {"source": "default", "limit": 10, "cursor": cursor})
        assert answer.status == 200
        assert len(answer.json["items"]) == answer.json["replayed"]
        totals = {key: totals[key] + answer.json[key] for key in totals}
        cursor = answer.json["next"]
        if cursor is None:
            break
    assert totals == {"replayed": 23, "accepted": 22, "rejected": 1}
    ids = {event["message_id"] for event in log.events()}
    assert ids == {f"m{number}" for number in range(25)} - {"m10", "m11", "m12"}


@pytest.mark.parametrize(
    ("method", "path", "document", "status"),
    [
        ("POST", "/v1/dead-letters/nobody/replay", None, 404),
        ("POST", "/v1/dead-letters/l001/replay", b"{", 422),
        ("POST", "/v1/dead-letters/l001/replay", {"paylod": 1}, 422),
        ("POST", "/v1/dead-letters/l001/replay", {"payload": "x" * (2 << 20)}, 413),
        ("POST", "/v1/dead-letters/replay", {"source": 5}, 422),
        ("POST", "/v1/dead-letters/replay", {"state": "accepted"}, 422),
        ("POST", "/v1/dead-letters/replay", {"cursor": "x"}, 400),
        ("POST", "/v1/dead-letters/replay", [], 422),
    ],
)
def test_rubbish(asked: tuple[Api, MemoryLog, Writer], method: str, path: str, document: Any, status: int) -> None:
    api, log, writer = asked
    writer.put(TOPICS.rejected, [letter(1)])
    assert api.ask(method, path, document).status == status
    assert not log.records


def test_a_collector_that_takes_nothing_is_a_503(asked: tuple[Api, MemoryLog, Writer]) -> None:
    api, log, writer = asked
    writer.put(TOPICS.rejected, [letter(1)])
    log.away = True
    answer = api.ask("POST", "/v1/dead-letters/l001/replay")
    assert (answer.status, answer.json["type"]) == (503, "urn:kith:unavailable")
    assert "Kafka is away" in answer.json["detail"]
