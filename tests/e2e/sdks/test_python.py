"""The two Python SDKs, unchanged, with only their host pointed at the collector."""

from datetime import datetime, timezone

import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from schemas.event import CanonicalEvent
from schemas.identifier import Identifier, event_id_of, seed_of
from tests.parts.collector import Collector

SPOKEN = {"identify", "track", "page", "screen", "group", "alias"}


def speak(client: SegmentClient | RudderClient) -> None:
    """Say everything that an SDK can say, about one person."""
    client.identify("u1", {"email": " Jane.Doe@X.fr ", "first_name": "Jane"}, anonymous_id="a1")
    client.track("u1", "Product Viewed", {"product_id": "sku-1", "price": 19.9, "emoji": "👟"})
    client.track("u1", "Order Completed", {"order_id": 1001, "total": "70.00", "currency": "eur"})
    client.page("u1", "shop", "Home", {"url": "https://shop.example/"})
    client.screen("u1", "app", "Start")
    client.group("u1", "g1", {"name": "Acme", "email": "office@acme.example"})
    client.alias("a0", "u1")
    client.flush()


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("library", ["segment", "rudderstack"])
def test_everything_arrives(collector: Collector, library: str, gzip: bool) -> None:
    failures: list[object] = []

    def on_error(error: object, _: object) -> None:
        failures.append(error)

    if library == "segment":
        client = SegmentClient(collector.write_key, host=collector.url, gzip=gzip, on_error=on_error, max_retries=0)
    else:
        client = RudderClient(collector.write_key, host=collector.url, gzip=gzip, on_error=on_error, max_retries=0)
    before = datetime.now(timezone.utc)
    speak(client)
    client.shutdown()

    events = collector.events()
    assert not failures
    assert collector.dead_letters() == []
    assert {event["type"] for event in events} == SPOKEN
    assert len(events) == 7
    by_type = {event["type"]: event for event in events if event["event"] != "Order Completed"}
    for event in events:
        CanonicalEvent.model_validate(event)
        assert event["source"] == collector.source
        assert event["event_id"] == event_id_of(str(collector.source), event["message_id"])
        assert event["flags"] == []
        assert "ip" not in event["context"], "only browsers are told by their address"
        occurred = datetime.fromisoformat(event["occurred_at"])
        assert abs((occurred - before).total_seconds()) < 10
    identify = by_type["identify"]
    assert identify["identifiers"] == [
        {"type": "user_id", "value": "u1"},
        {"type": "email", "value": "jane.doe@x.fr"},
        {"type": "anonymous_id", "value": "a1"},
    ]
    assert identify["seed"] == seed_of(Identifier("user_id", "u1"))
    assert identify["traits"]["first_name"] == "Jane"
    assert by_type["track"]["properties"]["emoji"] == "👟"
    assert by_type["page"]["event"] == "Home"
    assert {"type": "email", "value": "office@acme.example"} not in by_type["group"]["identifiers"]
    assert by_type["group"]["context"]["group_id"] == "g1"
    assert by_type["alias"]["context"]["previous_id"] == "a0"


def test_an_order_travels_in_its_own_channel(collector: Collector) -> None:
    client = SegmentClient(collector.write_key, host=collector.url)
    client.track("u1", "Order Completed", {"order_id": 1001, "total": "70.00", "currency": "eur"})
    client.shutdown()

    (record,) = collector.records("order")
    assert record.key == seed_of(Identifier("user_id", "u1"))
    assert record.value["channel"] == "order"
    properties = record.value["properties"]
    assert (properties["order_id"], properties["store"], properties["currency"]) == ("1001", collector.source, "EUR")
    assert {"type": f"order:{collector.source}", "value": "1001"} in record.value["identifiers"]
