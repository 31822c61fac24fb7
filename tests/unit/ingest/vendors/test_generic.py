"""Any JSON through a mapping: what paths find, what they leave out, what is wrong with a mapping when it is read."""

from typing import Any

import pytest

from ingest.canonical import Unfit
from schemas.errors import KithError
from schemas.json_path import check, value_of
from schemas.source import parse_sources
from tests.unit.ingest.vendors.reading import final_orders, identifiers, one, said, source_of

TILL = source_of(
    "generic",
    "till",
    channel="order",
    country="FR",
    mapping={
        "type": "track",
        "event": "Order Completed",
        "message_id": "$.receipt_no",
        "occurred_at": "$.sold_at",
        "identifiers": {"loyalty_id": "$.card", "phone": "$.mobile", "magento:site": "$.ids[*]"},
        "properties": {
            "total": "$.sum",
            "currency": "EUR",
            "products": {"$each": "$.lines[*]", "product_id": "$.ean", "quantity": "$.n", "tags": ["$.a", "fixed"]},
            "note": "$.nothing",
        },
        "context": {"page": {"title": "$.till"}},
    },
)
RECEIPT: dict[str, Any] = {
    "receipt_no": 4711,
    "sold_at": "2026-02-01T10:00:00+01:00",
    "card": "C-9",
    "mobile": "06 12 34 56 78",
    "ids": [7, 8],
    "sum": "12,50",
    "till": "3",
    "lines": [{"ean": 400, "n": 2, "a": "x"}, {"ean": 401}, 5],
}


def test_a_receipt_is_an_order() -> None:
    event = one(TILL, "", RECEIPT)
    assert (event["event"], event["channel"], event["message_id"]) == ("Order Completed", "order", "4711")
    assert event["occurred_at"] == "2026-02-01T09:00:00.000Z"
    assert identifiers(event) == [
        "magento:site:7",
        "magento:site:8",
        "loyalty_id:C-9",
        "phone:+33612345678",
        "order:till:4711",
    ]
    assert event["properties"]["products"] == [
        {"product_id": 400, "quantity": 2, "tags": ["x", "fixed"]},
        {"tags": [None, "fixed"]} | {"product_id": 401},
        {"tags": [None, "fixed"]},
    ]
    assert "note" not in event["properties"]
    assert event["context"]["page"] == {"title": "3"}
    (order,) = final_orders(TILL, [("", RECEIPT, "d"), ("", RECEIPT, "d")]).values()
    assert (order["total"], order["currency"], order["status"], order["version"]) == ("12.50", "EUR", "placed", 1)


def test_a_list_is_many_receipts() -> None:
    found = said(TILL, "", [RECEIPT, {**RECEIPT, "receipt_no": 4712}, "rubbish"])
    assert [getattr(each, "reason", None) or each["message_id"] for each in found] == ["4711", "4712", "invalid_event"]


def test_a_body_without_what_the_mapping_names_still_is_somebody_s() -> None:
    event = one(TILL, "", {"card": "C-9"}, "d7")
    assert (event["message_id"], event["properties"]) == ("d7", {"currency": "EUR", "products": [], "store": "till"})


def test_mappings_by_topic() -> None:
    joined = {"type": "identify", "identifiers": {"email": "$.mail"}, "traits": {"tier": "$.tier"}}
    bought = {"event": "$.what", "identifiers": {"user_id": "$.u", "anonymous_id": "$.a", "device_id": "$.d"}}
    club = source_of("generic", "club", mapping={"joined": joined, "bought": bought})
    event = one(club, "joined", {"mail": "J@x.fr", "tier": "gold"})
    assert (event["type"], event["traits"]) == ("identify", {"email": "J@x.fr", "tier": "gold"})
    event = one(club, "bought", {"what": "Coupon Used", "u": 5, "a": "a1", "d": "d1"})
    assert (event["event"], identifiers(event)) == ("Coupon Used", ["user_id:5", "anonymous_id:a1", "device_id:d1"])
    assert isinstance(said(club, "left", {})[0], Unfit)


def mapping_fault(mapping: str) -> str:
    text = f"sources: {{till: {{kind: generic, url_secret: s, mapping: {mapping}}}}}"
    with pytest.raises(KithError) as fault:
        parse_sources(text)
    return str(fault.value)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("{event: E, message_id: '$.a['}", "'$.a[' is no JSONPath"),
        ("{event: E, properties: {deep: [{x: '$..'}]}}", "'$..' is no JSONPath"),
        ("{event: E, properties: {lines: {$each: lines}}}", "$each must be a JSONPath"),
        ("{event: E, properties: {x: '$.a[?@.b =~ /c/]'}}", "is no JSONPath"),
        ("{event: E, identifers: {}}", "Extra inputs"),
    ],
)
def test_a_wrong_mapping_is_told_when_it_is_read(mapping: str, words: str) -> None:
    assert words in mapping_fault(mapping)


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("$.a.b", 1),
        ("$['a']['b']", 1),
        ("$.list[-1]", 3),
        ("$.list[*]", [1, 2, 3]),
        ("$.list[?@ > 1]", [2, 3]),
        ("$..b", [1]),
        ("$.none", None),
        ("$.none[*]", []),
        ("$5 off", "$5 off"),
        ("plain", "plain"),
        (7, 7),
        (None, None),
        ({"k": "$.a.b"}, {"k": 1}),
    ],
)
def test_paths(spec: Any, found: Any) -> None:
    check(spec)
    assert value_of(spec, {"a": {"b": 1}, "list": [1, 2, 3]}) == found


def test_a_path_survives_a_body_nested_beyond_its_reach() -> None:
    deep: Any = 1
    for _ in range(400):
        deep = {"a": deep}
    assert value_of("$..b", deep) in ([], None)
