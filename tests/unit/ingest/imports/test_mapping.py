"""A mapping turns a row into one message, always the same; what is wrong with either is said where it is."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.imports.mapping import Mapping, parse_mapping
from ingest.imports.values import CellError, convert, instant
from schemas.errors import KithError

MAPPING = """
time: {column: at, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
columns:
  customer: userId
  mail: [traits.email, context.traits.email]
  card: externalIds.shopify:shop-a
  sum: {to: properties.total, type: number}
  by: {to: context.campaign.source, values: {direct: null, g: google}}
constants: {properties.store: till, context.library.name: export}
events:
  column: what
  names:
    sale: {track: Order Completed, columns: {receipt: properties.order_id}, constants: {properties.currency: EUR}}
    seen: Product Viewed
    front: {page: Home}
    signup: {identify: null}
"""
ROW = {
    "at": "31.07.2026 12:30",
    "customer": "c1",
    "mail": "a@x.fr",
    "card": "77",
    "sum": "19.9",
    "by": "g",
    "what": "sale",
    "receipt": "r1",
}


def mapping(text: str = MAPPING) -> Mapping:
    return parse_mapping(text, "test.yaml")


def message(**changes: Any) -> dict[str, Any]:
    return mapping().message({**ROW, **changes}, 2)


def test_every_field_is_where_the_mapping_says() -> None:
    found = message()
    identifier = found.pop("messageId")
    assert len(identifier) == 36
    assert found == {
        "type": "track",
        "event": "Order Completed",
        "userId": "c1",
        "timestamp": "2026-07-31T10:30:00.000Z",
        "traits": {"email": "a@x.fr"},
        "properties": {"store": "till", "total": 19.9, "order_id": "r1", "currency": "EUR"},
        "context": {
            "library": {"name": "export"},
            "traits": {"email": "a@x.fr"},
            "externalIds": [{"type": "shopify:shop-a", "id": "77", "collection": "users", "encoding": "none"}],
            "campaign": {"source": "google"},
        },
    }


@pytest.mark.parametrize(
    ("what", "type_", "name"),
    [
        ("seen", "track", ("event", "Product Viewed")),
        ("front", "page", ("name", "Home")),
        ("else", "track", ("event", "else")),
    ],
)
def test_event_names(what: str, type_: str, name: tuple[str, str]) -> None:
    found = message(what=what)
    assert (found["type"], found[name[0]]) == (type_, name[1])
    assert "order_id" not in found["properties"]


def test_a_name_may_become_an_identify_without_one() -> None:
    found = message(what="signup")
    assert found["type"] == "identify"
    assert not {"event", "name"} & found.keys()


def test_empty_cells_and_values_that_are_null_are_left_out() -> None:
    found = message(by="direct", sum=" ", mail="")
    assert "campaign" not in found["context"]
    assert "total" not in found["properties"]
    assert "traits" not in found


@settings(deadline=None)
@given(st.integers(1, 10), st.integers(1, 10), st.text(max_size=3), st.text(max_size=3))
def test_the_message_id_follows_from_the_line_and_the_row(line: int, other: int, one: str, two: str) -> None:
    ids = [
        mapping().message({**ROW, "note": note}, at)["messageId"]
        for at, note in ((line, one), (other, two), (line, one))
    ]
    assert ids[0] == ids[2]
    assert (ids[0] == ids[1]) == ((line, one) == (other, two))


def test_the_message_id_may_follow_from_columns_alone() -> None:
    by_receipt = mapping(MAPPING + "message_id: receipt\n")
    ids = {by_receipt.message({**ROW, "sum": total}, line)["messageId"] for line, total in ((1, "1"), (2, "2"))}
    assert len(ids) == 1
    with pytest.raises(CellError, match="receipt"):
        by_receipt.message({**ROW, "receipt": ""}, 1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"at": ""}, "'at' is empty"),
        ({"at": "yesterday"}, "no time of the form"),
        ({"sum": "much"}, "sum: 'much' is no number"),
        ({"what": ""}, "'what' is empty"),
        ({"customer": "", "mail": "", "card": ""}, "names nobody"),
    ],
)
def test_a_row_that_makes_no_event_says_why(changes: dict[str, str], says: str) -> None:
    with pytest.raises(CellError, match=says):
        message(**changes)


@pytest.mark.parametrize("identifier", ["customer", "mail", "card"])
def test_one_identifier_is_enough(identifier: str) -> None:
    none = {"customer": "", "mail": "", "card": ""}
    assert message(**{**none, identifier: "x"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "must be a mapping"),
        ("a: [", "no valid YAML"),
        ("columns: {a: userId}", "time: Field required"),
        ("time: {zone: UTC}", "write `column`"),
        ("time: {column: a, at: '2026-01-01'}", "write `column`"),
        ("time: {at: never}", "'never' is no time"),
        ("time: {at: '2026-01-01', zone: Mars/Base}", "no time zone 'Mars/Base'"),
        ("time: {column: a, zone: Mars/Base}", "no time zone 'Mars/Base'"),
        ("time: {column: a}\ncolumns: {b: user}", "'user' is no field"),
        ("time: {column: a}\ncolumns: {b: properties}", "'properties' is no field"),
        ("time: {column: a}\ncolumns: {b: {to: userId, type: date}}", "columns.b"),
        ("time: {column: a}\nevents: {column: e, names: {x: {track: A, page: B}}}", "exactly one of track"),
        ("time: {column: a}\ncolums: {}", "colums"),
    ],
)
def test_a_wrong_mapping_says_where_and_what(text: str, says: str) -> None:
    with pytest.raises(KithError, match=says):
        mapping(text)


def test_nested_columns_of_objects() -> None:
    found = mapping("time: {column: when.at}\ncolumns: {who.id: userId, a.b: properties.x}\nconstants: {event: Seen}")
    row = {"when": {"at": "2026-01-01T00:00:00+02:00"}, "who": {"id": 7}, "a.b": "flat", "a": {"b": "nested"}}
    made = found.message(row, 1)
    assert (made["userId"], made["properties"], made["timestamp"]) == (7, {"x": "flat"}, "2025-12-31T22:00:00.000Z")


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("5", "integer", 5),
        ("5", "number", 5),
        ("5.5", "number", 5.5),
        ("yes", "boolean", True),
        ("F", "boolean", False),
        ('{"a": [1]}', "json", {"a": [1]}),
        ("5", "text", "5"),
    ],
)
def test_conversions(text: str, type_: Any, value: object) -> None:
    assert convert(text, type_) == value


@pytest.mark.parametrize(
    ("text", "type_"),
    [("5.5", "integer"), ("nan", "number"), ("1e999", "number"), ("maybe", "boolean"), ("NaN", "json")],
)
def test_what_cannot_be_converted_is_told(text: str, type_: Any) -> None:
    with pytest.raises(CellError):
        convert(text, type_)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        ("1700000000", "unix", "2023-11-14T22:13:20.000Z"),
        ("1700000000.5", "unix", "2023-11-14T22:13:20.500Z"),
        (1700000000123, "unix_ms", "2023-11-14T22:13:20.123Z"),
        ("2026-01-31T10:15:00+01:00", "iso", "2026-01-31T09:15:00.000Z"),
        ("2026-01-31", "iso", "2026-01-31T00:00:00.000Z"),
    ],
)
def test_instants(value: object, form: str, text: str) -> None:
    assert instant(value, form, mapping("time: {column: a}").time.tzinfo) == text


@pytest.mark.parametrize(("value", "form"), [("inf", "unix"), ("nan", "unix"), ("1e30", "unix"), ("1800-01-01", "iso")])
def test_instants_that_no_store_holds(value: str, form: str) -> None:
    with pytest.raises(CellError):
        instant(value, form, mapping("time: {column: a}").time.tzinfo)
