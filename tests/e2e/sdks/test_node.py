"""The two Node SDKs, unchanged, with only their host pointed at the collector."""

import subprocess
from pathlib import Path

import pytest

from schemas.event import CanonicalEvent
from tests.e2e.sdks.stock import node
from tests.parts.collector import Collector

SPOKEN = {"identify", "track", "page", "screen", "group", "alias"}


@pytest.mark.parametrize("library", ["segment", "rudderstack"])
def test_everything_arrives(collector: Collector, library: str) -> None:
    script = Path(__file__).with_name("send.mjs")
    run = subprocess.run(
        [node(), str(script), library, collector.url, collector.write_key],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr

    events = collector.events()
    assert collector.dead_letters() == []
    assert {event["type"] for event in events} == SPOKEN
    assert len(events) == 7
    for event in events:
        CanonicalEvent.model_validate(event)
        assert event["flags"] == []
        assert event["sent_at"] is not None
        assert "ip" not in event["context"]
    by_type = {event["type"]: event for event in events if event["event"] != "Order Completed"}
    assert by_type["identify"]["traits"]["first_name"] == "Jane"
    assert {"type": "email", "value": "jane.doe@x.fr"} in by_type["identify"]["identifiers"]
    assert by_type["page"]["event"] == "Home"
    assert by_type["screen"]["event"] == "Start"
    assert by_type["group"]["context"]["group_id"] == "g1"
    assert {"type": "email", "value": "office@acme.example"} not in by_type["group"]["identifiers"]
    assert by_type["alias"]["context"]["previous_id"] == "a0"
    assert by_type["alias"]["identifiers"][0] == {"type": "user_id", "value": "u1"}
    (order,) = (event for event in events if event["channel"] == "order")
    assert {"type": f"order:{collector.source}", "value": "1001"} in order["identifiers"]
