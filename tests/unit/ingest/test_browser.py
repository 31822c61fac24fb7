"""What browsers ask for: settings, the pixel; and what everybody may: health, metrics, documentation."""

from typing import Any

import pytest

from ingest.routes.tracking import PATHS
from tests.unit.ingest.memory import KEY, collector

SHOP = {"origin": "https://shop.example"}


def test_settings_of_segment_s_sdk() -> None:
    with collector() as (client, _):
        answer = client.get(f"/v1/projects/{KEY}/settings", headers={**SHOP, "host": "collect.shop.example:8443"})
        segment = answer.json()["integrations"]["Segment.io"]
        assert (segment["apiKey"], segment["apiHost"], segment["protocol"]) == (
            KEY,
            "collect.shop.example:8443/v1",
            "http",
        )
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert client.get("/v1/projects/nobody/settings").status_code == 401


@pytest.mark.parametrize(("trusted", "protocol"), [("", "http"), ("127.0.0.1", "https")])
def test_behind_a_proxy_that_speaks_tls(trusted: str, protocol: str) -> None:
    with collector(trusted_proxies=trusted) as (client, _):
        client._transport.client = ("127.0.0.1", 5)  # type: ignore[attr-defined]
        answer = client.get(f"/v1/projects/{KEY}/settings", headers={"x-forwarded-proto": "https"})
        assert answer.json()["integrations"]["Segment.io"]["protocol"] == protocol


def test_settings_of_rudderstack_s_sdk() -> None:
    with collector() as (client, _):
        for path in ("/sourceConfig/", "/sourceConfig"):
            source = client.get(path, params={"writeKey": KEY, "p": "npm"}, follow_redirects=False).json()["source"]
            assert (source["id"], source["enabled"], source["destinations"]) == ("default", True, [])
        assert client.get("/sourceConfig/", auth=(KEY, "")).status_code == 200
        assert client.get("/sourceConfig/", params={"writeKey": "nobody"}).status_code == 401
        assert client.get("/sourceConfig/", params={"writeKey": KEY}, auth=("nobody", "")).status_code == 401
        assert client.get("/sourceConfig/").json()["code"] == "no_write_key"


PIXEL = {"writeKey": KEY, "userId": "u1", "anonymousId": "a1", "messageId": "m1"}


def test_the_pixel() -> None:
    with collector() as (client, log):
        query = {**PIXEL, "event": "Opened", "properties": '{"issue": 7}', "other": "ignored"}
        answer = client.get("/pixel/v1/track", params=query)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.content.startswith(b"GIF89a")
        assert answer.headers["cache-control"] == "no-store"
        assert client.get("/pixel/v1/page", params={**PIXEL, "name": "Home"}).status_code == 200
        track, page = log.events()
        assert (track["event"], track["properties"], track["message_id"]) == ("Opened", {"issue": 7}, "m1")
        assert (page["type"], page["event"]) == ("page", "Home")
        assert track["context"]["ip"] == "testclient"


@pytest.mark.parametrize("more", [{}, {"event": "E", "properties": "{broken"}, {"event": "E", "properties": "[1]"}])
def test_a_bad_pixel_is_a_dead_letter(more: dict[str, str]) -> None:
    with collector() as (client, log):
        assert client.get("/pixel/v1/track", params={**PIXEL, **more}).status_code == 200
        assert [letter["reason"] for letter in log.dead_letters()] == ["invalid_event"]
        assert KEY not in log.dead_letters()[0]["payload"]


def test_pixels_that_can_never_work() -> None:
    with collector() as (client, _):
        assert client.get("/pixel/v1/track", params={"userId": "u"}).status_code == 401
        assert client.get("/pixel/v1/identify", params=PIXEL).json()["code"] == "invalid_request"
        assert client.post("/pixel/v1/track", params=PIXEL).json()["code"] == "method_not_allowed"


def test_health_and_metrics() -> None:
    with collector() as (client, _):
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"ready": True, "detail": "Kafka answers"}
        client.post("/v1/page", json={"userId": "u"}, auth=(KEY, ""))
        text = client.get("/metrics").text
        assert 'kith_collector_events_total{channel="web",source="default"}' in text


def test_the_description_is_complete() -> None:
    with collector() as (client, _):
        document = client.get("/openapi.json").json()
        assert client.get("/docs").status_code == 200
        for path in PATHS:
            operation = document["paths"][path]["post"]
            assert operation["security"]
            assert set(operation["responses"]) == {"200", "400", "401", "403", "404", "408", "429", "503"}
        others = {
            "/healthz",
            "/readyz",
            "/metrics",
            "/sourceConfig/",
            "/pixel/v1/{type_}",
            "/v1/projects/{key}/settings",
            "/v1/webhooks/{kind}/{source}",
            "/v1/replays",
            "/mp/collect",
            "/debug/mp/collect",
            "/g/collect",
        }
        assert set(document["paths"]) == set(PATHS) | others
        ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
        assert len(ids) == len(set(ids))

        def references(node: Any) -> set[str]:
            if isinstance(node, dict):
                own = {node["$ref"]} if "$ref" in node else set()
                return own.union(*map(references, node.values()))
            return set().union(*map(references, node)) if isinstance(node, list) else set()

        for reference in references(document):
            assert reference.rpartition("/")[2] in document["components"]["schemas"]
