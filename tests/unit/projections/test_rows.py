from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import batch, rows, tables
from projections.rows import Row, Rows
from schemas.codec import dumps, loads
from schemas.times import EARLIEST, LATEST, to_millis
from tests.unit.projections.records import (
    AT_MS,
    OTHER,
    SEED,
    TOPICS,
    Log,
    assignment,
    change,
    dead_letter,
    decision,
    event,
    event_record,
    order,
    profile,
    replay,
)

PLACE = ("t", 3, 77)
OCCURRED_AT = tables.EVENTS.names.index("occurred_at")


def named(table: tables.Table, row: Row | None) -> dict[str, object]:
    assert row is not None
    return dict(zip(table.names, row, strict=True))


def log(document: object, key: bytes | None = None) -> Log:
    return Log("t", None if document is None else dumps(document), 77, 3, key)


def last(found: Rows, table: tables.Table) -> dict[str, object]:
    return named(table, found[-1])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4))
def test_an_event_keeps_its_exact_bytes_and_its_json(properties: dict[str, object]) -> None:
    record = event_record(properties=properties)
    row = last(rows.event_rows(record), tables.EVENTS)
    assert row["raw"] == record.value
    assert loads(str(row["properties"])) == properties


def test_an_event_becomes_one_row_of_its_columns() -> None:
    row = last(rows.event_rows(Log("t", dumps(event()), 77, 3)), tables.EVENTS)
    assert row["seed"] == SEED
    assert row["identifiers"] == [("user_id", "u1")]
    assert row["occurred_at"] == AT_MS
    assert row["sent_at"] is None
    assert row["flags"] == ["bot"]
    assert (row["topic"], row["partition"], row["offset"]) == PLACE


def test_an_event_without_a_name_has_an_empty_one() -> None:
    assert last(rows.event_rows(event_record(event=None, type="identify")), tables.EVENTS)["event"] == ""


@pytest.mark.parametrize("bad", ["", "x", "'); DROP TABLE events; --", SEED.upper(), SEED + "0"])
def test_what_is_no_event_id_never_comes_near_a_statement(bad: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        rows.event_rows(event_record(event_id=bad))


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"{}", b'{"event_id": NaN}'])
def test_what_is_no_event_is_refused(value: bytes | None) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        rows.event_rows(Log("t", value))


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))
def test_times_that_clickhouse_cannot_hold_are_clamped(start: int, end: int) -> None:
    row = last(rows.assignment_rows(log(assignment(**{"from": start, "to": end}))), tables.IDENTITY_SLICES)
    for column in ("valid_from", "valid_to"):
        assert EARLIEST <= int(str(row[column])) <= LATEST


def test_an_unbounded_slice_covers_all_of_time() -> None:
    candidate, state = rows.assignment_rows(log(assignment()))
    row = named(tables.IDENTITY_SLICES, state)
    assert (row["valid_from"], row["valid_to"], row["deleted"]) == (EARLIEST, LATEST, False)
    assert candidate == (OTHER, SEED)


def test_a_slice_that_is_gone_leaves_no_candidate() -> None:
    candidate, state = rows.assignment_rows(log(assignment(profile_id=None)))
    assert candidate is None
    assert named(tables.IDENTITY_SLICES, state)["deleted"] is True


def test_what_lets_the_log_forget_an_assignment_is_no_row() -> None:
    assert rows.assignment_rows(log(None, SEED.encode())) == (None, None)


def test_a_profile_is_kept_byte_for_byte() -> None:
    record = log(profile())
    row = last(rows.profile_rows(record), tables.PROFILE_STATES)
    assert row["raw"] == record.value
    assert row["identifiers"] == [("user_id", "u1")]
    assert row["segments"] == ["vip"]
    assert loads(str(row["traits"])) == {"country": "FR", "age": 30}


def test_a_tombstone_ends_a_profile_and_an_order() -> None:
    gone = last(rows.profile_rows(log(None, SEED.encode())), tables.PROFILE_STATES)
    assert (gone["profile_id"], gone["raw"], gone["deleted"]) == (SEED, b"", True)
    gone = last(rows.order_rows(log(None, SEED.encode())), tables.ORDER_STATES)
    assert (gone["seed"], gone["deleted"]) == (SEED, True)
    with pytest.raises(ValueError, match="neither key nor value"):
        rows.profile_rows(log(None))


def test_a_column_is_text_in_all_rows_or_bytes_in_all() -> None:
    # The client goes by a column's first value.
    for build, living in ((rows.profile_rows, profile()), (rows.order_rows, order())):
        gone, there = build(log(None, SEED.encode()))[0], build(log(living))[0]
        assert gone
        assert there
        assert [isinstance(value, bytes) for value in gone] == [isinstance(value, bytes) for value in there]


def test_an_order_has_its_amounts_exactly_and_its_items_side_by_side() -> None:
    row = last(rows.order_rows(log(order(total="0.1", refunded=None))), tables.ORDER_STATES)
    assert (row["total"], row["refunded"]) == (Decimal("0.1"), Decimal(0))
    assert row["items.product_id"] == ["sku-1"]
    assert row["items.name"] == [""]
    assert row["items.price"] == [Decimal("19.90")]
    assert row["items.quantity"] == [Decimal(2)]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e40", "much"])
def test_an_amount_that_no_decimal_holds_is_refused(amount: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        rows.order_rows(log(order(total=amount)))


def test_a_change_leaves_a_membership_behind() -> None:
    membership, row = rows.change_rows(log(change(2)))
    assert membership == ("vip", SEED, AT_MS, False, 2)
    assert named(tables.SEGMENT_CHANGES, row)["published_at"] == AT_MS
    with pytest.raises(KeyError):
        rows.change_rows(log(change(change="left")))


def test_a_deleted_definition_says_so() -> None:
    record = {"segment_id": "vip", "version": 4, "definition": None, "updated_at": "2026-01-31T10:15:00.123Z"}
    assert last(rows.definition_rows(log(record)), tables.DEFINITION_STATES)["deleted"] is True


def test_a_decision_without_a_second_identifier_has_an_empty_one() -> None:
    row = last(rows.decision_rows(log(decision(b=None))), tables.DECISIONS)
    assert row["a"] == ("user_id", "u1")
    assert row["b"] == ("", "")


PROGRESS = {"segment_id": "vip", "version": 1, "partition": 0, "partitions": 4}
DEFINITION = {"segment_id": "vip", "version": 4, "definition": {}, "updated_at": "2026-01-31T10:15:00.123Z"}
DELIVERY = {
    "subscription_id": "sub_1",
    "partition": 2,
    "offset": 7,
    "webhook_id": "msg_1",
    "segment_id": "vip",
    "profile_id": SEED,
    "sequence": 1,
    "state": "dead",
    "attempts": 9,
    "error": "answered 500",
    "at": "2026-01-31T10:15:00.123Z",
    "due": None,
}
DOCUMENTS = {
    **dict.fromkeys(TOPICS.events.values(), event()),
    TOPICS.assignments: assignment(),
    TOPICS.profiles: profile(),
    TOPICS.orders: order(),
    TOPICS.changes: change(),
    TOPICS.definitions: DEFINITION,
    TOPICS.progress: PROGRESS,
    TOPICS.deliveries: DELIVERY,
    TOPICS.decisions: decision(),
    TOPICS.rejected: dead_letter(),
    TOPICS.replays: replay(),
}


def test_a_delivery_that_is_let_go_of_is_deleted_and_a_position_is_no_row() -> None:
    gone = last(rows.delivery_rows(log(None, b"sub_1/2-7")), tables.DELIVERY_STATES)
    assert (gone["subscription_id"], gone["change_partition"], gone["change_offset"]) == ("sub_1", 2, 7)
    assert gone["deleted"] is True
    assert rows.delivery_rows(log({"subscription_id": "sub_1", "after": "0-1"}, b"sub_1")) == (None,)
    assert rows.delivery_rows(log(None, b"sub_1")) == (None,)


@pytest.mark.parametrize("topic", list(batch.projections(TOPICS)))
def test_every_topic_fills_the_columns_of_its_tables_and_says_where_it_was_read(topic: str) -> None:
    projection = batch.projections(TOPICS)[topic]
    found = projection.build(Log(topic, dumps(DOCUMENTS[topic]), 77, 3))
    assert len(found) == len(projection.tables)
    for table, row in zip(projection.tables, found, strict=True):
        assert row is not None
        assert len(row) == len(table.columns)
    assert found[-1] is not None
    assert found[-1][-3:] == (topic, 3, 77)
    assert projection.own.columns[-3:] == tables.PLACE


instants = st.datetimes(datetime(1850, 1, 1), datetime(2350, 1, 1)).map(
    lambda at: at.isoformat(timespec="milliseconds")
)


@given(instants, st.sampled_from(["Z", "+00:00", "+01:30", "", "000Z"]))
def test_times_of_any_form_are_the_instant_they_name_within_what_clickhouse_holds(at: str, zone: str) -> None:
    made = rows.event_rows(event_record(occurred_at=at + zone))[0]
    assert made
    assert made[OCCURRED_AT] == min(max(to_millis(at + zone), EARLIEST), LATEST)


@given(st.text("0123456789-:.TZ", max_size=24))
def test_what_is_no_time_has_no_row(text: str) -> None:
    try:
        expected = min(max(to_millis(text), EARLIEST), LATEST)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            rows.event_rows(event_record(occurred_at=text))
    else:
        made = rows.event_rows(event_record(occurred_at=text))[0]
        assert made
        assert made[OCCURRED_AT] == expected
