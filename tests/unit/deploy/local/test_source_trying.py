"""Trying a file shows what the collector would make of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.local.source_trying import source_to_try, tried
from schemas.errors import KithError

TILL = {
    "event": "Order Completed",
    "message_id": "$.receipt_no",
    "occurred_at": "$.sold_at",
    "identifiers": {"loyalty_id": "$.card"},
    "properties": {"total": "$.sum"},
}
RECEIPT = {"receipt_no": 7, "sold_at": "2026-01-31T10:15:00Z", "card": "L1", "sum": "12.50"}


def attempt(source: Any, content: Any, headers: dict[str, str] | None = None, topic: str = "") -> list[Any]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return list(tried(source, body, headers or {}, topic, None))


def test_a_mapping_that_is_being_written(tmp_path: Path) -> None:
    source = source_to_try(tmp_path / "none.yaml", None, "generic", TILL)
    ((event, _, _),) = attempt(source, RECEIPT)
    assert event is not None
    assert (event["event"], event["channel"], event["message_id"]) == ("Order Completed", "order", "7")
    assert event["identifiers"][0] == {"type": "loyalty_id", "value": "L1"}
    assert event["properties"]["total"] == "12.50"
    ((event, reason, message),) = attempt(source, {"sum": 1})
    assert (event, reason) == (None, "no_usable_identifier")
    assert message


def test_a_source_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("sources: {shop-a: {kind: shopify, secrets: ['${NOT_SET}']}}")
    source = source_to_try(path, "shop-a", "generic", None)
    customer = {"id": 9, "email": "k@x.fr", "updated_at": "2026-01-31T10:15:00Z"}
    for how in ({"headers": {"X-Shopify-Topic": "customers/create"}}, {"topic": "customers/create"}):
        ((event, _, _),) = attempt(source, customer, **how)
        assert event is not None
        assert event["type"] == "identify"
        assert {"type": "shopify:shop-a", "value": "9"} in event["identifiers"]
    ((_, reason, _),) = attempt(source, customer, topic="fax/sent")
    assert reason == "unknown_topic"
    with pytest.raises(KithError, match="there are: shop-a"):
        source_to_try(path, "other", "generic", None)
    with pytest.raises(KithError, match="cannot be read"):
        source_to_try(tmp_path / "absent.yaml", "shop-a", "generic", None)


def test_events_of_sdks() -> None:
    source = source_to_try(Path("none"), None, "tracking", None)
    page = {"type": "page", "userId": "u1"}
    assert [each.event is not None for each in attempt(source, {"batch": [page, {"type": "fax"}, page]})] == [
        True,
        False,
        True,
    ]
    assert attempt(source, page)[0].event is not None
    assert attempt(source, [1])[0].reason == "invalid_event"


@pytest.mark.parametrize("kind", ["shopify", "magento", "meta", "x", "crisp"])
def test_every_kind_can_be_tried(kind: str) -> None:
    source = source_to_try(Path("none"), None, kind, None)
    assert source.kind == kind
    rubbish: tuple[Any, ...] = ({}, [], 5, "x")
    for content in rubbish:
        attempt(source, content)


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(KithError, match="not JSON"):
        attempt(source_to_try(Path("none"), None, "tracking", None), b"{")
    with pytest.raises(KithError, match="kind"):
        source_to_try(Path("none"), None, "fax", None)
    with pytest.raises(KithError, match="try: mapping"):
        source_to_try(Path("none"), None, "generic", {"tpye": "track"})
