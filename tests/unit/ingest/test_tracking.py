"""The tracking routes as a client sees them, with a log in memory behind them."""

import gzip
from base64 import b64encode
from pathlib import Path
from typing import Any

import brotli
import orjson
import pytest

from schemas.event import CanonicalEvent
from tests.unit.ingest.memory import KEY, collector

BASIC = {"authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode()}
VIEW = {"event": "Product Viewed", "userId": "u1", "messageId": "m1"}
TYPES = {"identify": "i", "track": "t", "page": "p", "screen": "s", "group": "g", "alias": "a"}


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("slash", ["", "/"])
def test_single_events(type_: str, slash: str) -> None:
    with collector() as (client, log):
        for path in (type_, TYPES[type_]):
            answer = client.post(f"/v1/{path}{slash}", json=VIEW, headers=BASIC)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert [event["type"] for event in log.events()] == [type_, type_]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/batch/", "/beacon/v1/batch", "/v1/import"])
def test_batches(path: str) -> None:
    with collector() as (client, log):
        body = {
            "batch": [{**VIEW, "type": "track"}, {"type": "page", "anonymousId": "a"}],
            "sentAt": "2026-01-31T10:00:00Z",
        }
        assert client.post(path, json=body, headers=BASIC).status_code == 200
        for event in log.events():
            CanonicalEvent.model_validate(event)
            assert event["sent_at"] == "2026-01-31T10:00:00.000Z"
        assert len(log.events()) == 2


def test_one_bad_item_costs_nothing_but_itself() -> None:
    bad: list[Any] = [
        None,
        5,
        "x",
        [],
        {},
        {"type": "fax", "userId": "u"},
        {"type": "page"},
        {"type": "track", "userId": "u"},
    ]
    good = [{"type": "page", "userId": f"u{number}"} for number in range(99)]
    with collector() as (client, log):
        assert client.post("/v1/batch", json={"batch": good + bad}, headers=BASIC).status_code == 200
        assert len(log.events()) == 99
        letters = log.dead_letters()
        assert len(letters) == len(bad)
        assert [orjson.loads(letter["payload"]) if letter["payload"] != "x" else "x" for letter in letters] == bad
        assert {letter["source"] for letter in letters} == {"default"}


def test_a_dead_letter_has_what_its_batch_gave_it_and_no_key() -> None:
    with collector() as (client, log):
        body = {"writeKey": KEY, "sentAt": 1, "context": {"locale": "fr"}, "batch": [{"type": "fax", "messageId": "m"}]}
        client.post("/v1/batch", json=body)
        client.post("/v1/page", json={"messageId": "m", "writeKey": KEY})
        first, second = (orjson.loads(letter["payload"]) for letter in log.dead_letters())
        assert first == {
            "type": "fax",
            "messageId": "m",
            "context": {"locale": "fr"},
            "sentAt": "1970-01-01T00:00:01.000Z",
        }
        assert second == {"messageId": "m", "type": "page"}


# Authentication.


@pytest.mark.parametrize(
    ("headers", "body_key", "query", "status"),
    [
        (BASIC, None, "", 200),
        ({"authorization": f"Bearer {KEY}"}, None, "", 200),
        ({}, KEY, "", 200),
        ({}, None, f"?writeKey={KEY}", 200),
        (BASIC, "wrong", "?writeKey=wrong", 200),
        ({"authorization": "Basic d3Jvbmc6"}, KEY, f"?writeKey={KEY}", 401),
        ({"authorization": "Bearer wrong"}, KEY, "", 401),
        ({}, "wrong", f"?writeKey={KEY}", 401),
        ({}, 5, f"?writeKey={KEY}", 401),
        ({"authorization": "Basic Og=="}, KEY, "", 200),
        ({}, "", f"?writeKey={KEY}", 200),
        ({}, None, "?writeKey=wrong", 401),
        ({}, None, "", 401),
    ],
)
def test_the_first_key_decides(headers: dict[str, str], body_key: Any, query: str, status: int) -> None:
    with collector() as (client, log):
        body = VIEW if body_key is None else {**VIEW, "writeKey": body_key}
        answer = client.post(f"/v1/track{query}", json=body, headers=headers)
        assert answer.status_code == status
        assert len(log.events()) == (status == 200)
        if status == 401:
            assert answer.json()["code"] in ("no_write_key", "unknown_write_key")
            assert "www-authenticate" in answer.headers


def test_sources_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(
        """
sources:
  "off":  {kind: tracking, write_keys: [wk_off], disabled: true}
  shop: {kind: tracking, write_keys: [wk_shop], origins: ["https://shop.example"], country: FR, channel: social}
  slow: {kind: tracking, write_keys: [wk_slow], limits: {events_per_second: 1, event_bytes: 1024, batch_events: 3}}
"""
    )
    with collector(sources=path, default_country="BE") as (client, log):

        def post(key: str, body: Any, **headers: str) -> int:
            return client.post("/v1/batch", json={"writeKey": key, "batch": body}, headers=headers).status_code

        page = {"type": "page", "userId": "u"}
        assert post("wk_off", [page]) == 404
        assert post("wk_shop", [page], origin="https://evil.example") == 403
        phones = {"type": "page", "properties": {"phone": "06 12 34 56 78"}}
        assert post("wk_shop", [phones], origin="https://shop.example") == 200
        (event,) = log.events()
        assert (event["source"], event["channel"]) == ("shop", "social")
        assert event["identifiers"] == [{"type": "phone", "value": "+33612345678"}]
        assert post("wk_slow", [page] * 4) == 400
        assert post("wk_slow", [page, {**page, "properties": {"x": "a" * 2000}}]) == 200
        assert log.dead_letters()[-1]["reason"] == "event_too_large"
        limited = client.post("/v1/batch", json={"writeKey": "wk_slow", "batch": [page]})
        assert limited.status_code == 429
        assert int(limited.headers["retry-after"]) >= 1
        assert limited.json()["code"] == "rate_limited"


# Bodies.


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "application/x-www-form-urlencoded", "image/png", "", "nonsense;;"],
)
def test_the_body_is_json_whatever_its_type_says(content_type: str) -> None:
    with collector() as (client, log):
        headers = {**BASIC, "content-type": content_type}
        assert client.post("/v1/track", content=orjson.dumps(VIEW), headers=headers).status_code == 200
        assert len(log.events()) == 1


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("br", brotli.compress), ("GZIP", gzip.compress)]
)
def test_encoded_bodies(encoding: str, encode: Any) -> None:
    with collector() as (client, log):
        headers = {**BASIC, "content-encoding": encoding, "content-type": "application/x-www-form-urlencoded"}
        assert client.post("/v1/track", content=encode(orjson.dumps(VIEW)), headers=headers).status_code == 200
        assert client.post("/v1/track", content=b"plain", headers=headers).json()["code"] == "invalid_encoding"
        assert len(log.events()) == 1


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("/v1/track", b"", "invalid_json"),
        ("/v1/track", b"{", "invalid_json"),
        ("/v1/track", b'{"event": NaN}', "invalid_json"),
        ("/v1/track", b"[]", "invalid_request"),
        ("/v1/track", b'"x"', "invalid_request"),
        ("/v1/track", b"null", "invalid_request"),
        ("/v1/batch", b"{}", "invalid_request"),
        ("/v1/batch", b'{"batch": {}}', "invalid_request"),
        ("/v1/batch", b'{"batch": [' + b"0," * 2500 + b"0]}", "too_many_events"),
        ("/v1/batch", b'{"batch": ["' + b"a" * (4 << 20) + b'"]}', "request_too_large"),
        ("/v1/track", b'{"userId":"u","event":"e","properties":' + b'{"a":' * 600 + b"1" + b"}" * 601, "invalid_json"),
    ],
)
def test_requests_that_can_never_work(path: str, content: bytes, code: str) -> None:
    with collector() as (client, log):
        answer = client.post(path, content=content, headers=BASIC)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert answer.json()["message"].endswith((".", "}"))
        assert log.records == []


def test_limits_are_not_reached_by_just_the_limit() -> None:
    with collector() as (client, log):
        batch = {"batch": [{"type": "page", "userId": "u", "x": ""}] * 2500}
        assert client.post("/v1/batch", json=batch, headers=BASIC).status_code == 200
        assert len(log.events()) == 2500
        log.records.clear()
        frame = len(orjson.dumps({"type": "track", **VIEW, "properties": {"x": ""}}))
        for size, fits in ((32 * 1024, True), (32 * 1024 + 1, False)):
            body = {**VIEW, "properties": {"x": "a" * (size - frame)}}
            assert client.post("/v1/track", json=body, headers=BASIC).status_code == 200
            assert len(log.events()) == 1
            assert bool(log.dead_letters()) != fits
        (letter,) = log.dead_letters()
        assert letter["reason"] == "event_too_large"
        assert len(orjson.loads(letter["payload"])["properties"]["x"]) == 32 * 1024 + 1 - frame


@pytest.mark.parametrize("levels", [250, 300, 500])
def test_deep_events_are_kept_whole(levels: int) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    with collector() as (client, log):
        body = f'{{"userId":"u","event":"e","properties":{deep}}}'
        assert client.post("/v1/track", content=body, headers=BASIC).status_code == 200
        assert log.records[0][0][2].count(b'{"a":') == levels


def test_levels_are_those_of_the_request() -> None:
    """512 are kept, the 513th makes it no JSON: body, batch, item and properties are four of them."""
    with collector() as (client, log):
        for levels, status in ((508, 200), (509, 400)):
            deep = "[" * levels + "]" * levels
            body = f'{{"batch":[{{"type":"page","userId":"u","properties":{{"x":{deep}}}}}]}}'
            assert client.post("/v1/batch", content=body, headers=BASIC).status_code == status
        assert len(log.records) == 1


@pytest.mark.parametrize("levels", [509, 600, 900, 1000])
@pytest.mark.parametrize("place", ["properties", "a", "userId"])
@pytest.mark.parametrize("more", ["", '"timestamp":"2026-01-01T00:00:00Z",', '"messageId":"m",'])
def test_nesting_never_breaks_anything(levels: int, place: str, more: str) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    with collector() as (client, log):
        for type_ in ("page", "fax"):
            body = f'{{"batch":[{{"type":"{type_}",{more}"{place}":{deep}}}]}}'
            answer = client.post("/v1/batch", content=body, headers=BASIC)
            assert answer.status_code in ((200,) if levels == 509 else (200, 400))
            query = {"writeKey": KEY, "userId": "u", "properties": deep[:2000]}
            assert client.get("/pixel/v1/page", params=query).status_code in (200, 400)
        assert not log.values("events.web") or levels < 512 or place == "a"


def test_lone_surrogates_cost_nothing() -> None:
    with collector() as (client, log):
        body = rb'{"batch": [{"type": "page", "userId": "u", "name": "cut \ud83d"}, {"type": "page", "userId": "v"}]}'
        assert client.post("/v1/batch", content=body, headers=BASIC).status_code == 200
        assert [event["event"] for event in log.events()] == ["cut \ufffd", None]


def test_metrics_of_sdks_are_dropped() -> None:
    with collector() as (client, log):
        assert client.post("/v1/m", content=b'{"series": []}').json() == {"success": True}
        assert client.post("/v1/m", content=b"\xff").status_code == 200
        assert log.records == []


def test_history() -> None:
    with collector() as (client, log):
        old = {"type": "page", "userId": "u", "timestamp": "2020-01-01T00:00:00Z", "sentAt": "2026-01-01T00:00:00Z"}
        lines = orjson.dumps(old) + b"\nnot json\n" + orjson.dumps(old)
        headers = {**BASIC, "content-type": "application/x-ndjson"}
        assert client.post("/v1/import", content=lines, headers=headers).status_code == 200
        assert {event["occurred_at"] for event in log.events()} == {"2020-01-01T00:00:00.000Z"}
        assert len(log.events()) == 2
        assert [letter["payload"] for letter in log.dead_letters()] == ["not json"]
        answer = client.post("/v1/import", content=b"a,b", headers={**BASIC, "content-type": "application/pdf"})
        assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_format")


# Trouble of our own, and browsers.


def test_kafka_away_is_503_and_never_4xx() -> None:
    with collector() as (client, log):
        log.away = True
        for path, body in (("/v1/track", VIEW), ("/v1/batch", {"batch": [VIEW]}), ("/v1/batch", {"batch": [5]})):
            answer = client.post(path, json=body, headers={**BASIC, "origin": "https://shop.example"})
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert set(answer.json()) == {"code", "message"}
            assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert client.get(f"/pixel/v1/page?writeKey={KEY}&userId=u").status_code == 503
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
        log.away = False
        assert client.post("/v1/track", json=VIEW, headers=BASIC).status_code == 200


def test_only_browsers_are_told_by_address_and_agent() -> None:
    bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    with collector() as (client, log):
        headers = {**BASIC, "user-agent": bot, "x-forwarded-for": "203.0.113.7"}
        client.post("/v1/track", json=VIEW, headers=headers)
        client.post("/v1/track", json=VIEW, headers={**headers, "origin": "https://shop.example"})
        server, browser = log.events()
        assert (server["flags"], server["context"]) == ([], {})
        assert (browser["flags"], browser["context"]) == (["bot"], {"ip": "testclient"})


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/v1/m", "/sourceConfig/", "/anything"])
def test_preflights_are_answered_for_every_origin(path: str) -> None:
    with collector() as (client, _):
        headers = {"origin": "https://evil.example", "access-control-request-headers": "anonymousid"}
        answer = client.options(path, headers=headers)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "https://evil.example"
        assert "anonymousid" in answer.headers["access-control-allow-headers"]
        assert answer.headers["access-control-max-age"] == "900"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_other_methods(method: str) -> None:
    with collector() as (client, _):
        answer = client.request(method, "/v1/track", headers={"origin": "https://shop.example"})
        assert answer.status_code == 405
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/tracks", "/v1/TRACK", "/v1/track/x", "//v1/track", "/v2/track"])
def test_nothing_there(path: str) -> None:
    with collector() as (client, _):
        answer = client.post(path, json=VIEW, headers=BASIC, follow_redirects=False)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
