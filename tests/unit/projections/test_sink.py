from collections.abc import Callable
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from projections import batch, sink
from projections.batch import BROKEN_AT_LEAST, Block, Refused, blocks_of
from schemas.errors import KithError
from tests.unit.projections.records import TOPICS, event_record

KNOWN = batch.projections(TOPICS)


class ClickHouse:
    """Keeps what is inserted, recognises tokens, and fails as told."""

    def __init__(self, fail: Callable[[int, list[Any]], Exception | None] = lambda *_: None) -> None:
        self.rows: list[Any] = []
        self.calls: list[tuple[str, int]] = []
        self._tokens: set[str] = set()
        self._fail = fail

    def insert(self, table: str, data: Any, column_names: list[str], **options: Any) -> None:
        token = options["settings"]["insert_deduplication_token"]
        ids = list(data[column_names.index("event_id")])
        self.calls.append((token, len(ids)))
        error = self._fail(len(self.calls), ids)
        if isinstance(error, DatabaseError) and not isinstance(error, OperationalError):
            raise error
        if token not in self._tokens:
            self._tokens.add(token)
            self.rows += ids
        if error:
            raise error


def block(count: int = 8) -> Block:
    return blocks_of([event_record(f"m{n}", n) for n in range(count)], KNOWN)[0][0]


def no_wait(_: float) -> None:
    pass


def insert(clickhouse: ClickHouse, whole: Block, wait: Callable[[float], None] = no_wait) -> list[Refused]:
    refused: list[Refused] = []
    sink.insert(clickhouse, whole, wait, refused.append)
    return refused


def test_an_insert_that_timed_out_is_repeated_as_it_was() -> None:
    clickhouse = ClickHouse(lambda call, _: OperationalError("timed out") if call < 4 else None)
    whole = block()
    waited: list[float] = []
    insert(clickhouse, whole, waited.append)
    assert clickhouse.calls == [(whole.token, 8)] * 4
    assert len(clickhouse.rows) == 8
    assert waited == sorted(waited)


@pytest.mark.parametrize("position", range(8))
def test_a_row_that_clickhouse_cannot_take_is_found_and_costs_no_other(position: int) -> None:
    whole = block()
    poison = whole.rows[position][0]
    clickhouse = ClickHouse(lambda _, ids: DatabaseError("bad", code=117) if poison in ids else None)
    [refused] = insert(clickhouse, whole)
    assert refused.record.offset == position
    assert sorted(clickhouse.rows) == sorted(row[0] for row in whole.rows if row[0] != poison)


def test_a_value_that_the_client_cannot_write_is_found_too() -> None:
    whole = block()
    poison = whole.rows[3][0]

    class Client(ClickHouse):
        def insert(self, table: str, data: Any, column_names: list[str], **options: Any) -> None:
            if poison in data[0]:
                raise ValueError("no UUID")
            super().insert(table, data, column_names, **options)

    clickhouse = Client()
    [refused] = insert(clickhouse, whole)
    assert refused.record.offset == 3
    assert len(clickhouse.rows) == 7


@pytest.mark.parametrize("code", [60, 243, 241, 516, None])
def test_what_is_no_rows_fault_is_waited_for(code: int | None) -> None:
    clickhouse = ClickHouse(lambda call, _: DatabaseError("not now", code=code) if call < 3 else None)
    assert insert(clickhouse, block()) == []
    assert {size for _, size in clickhouse.calls} == {8}


def test_waiting_ends_when_the_block_is_no_longer_ours() -> None:
    class Over(Exception):
        pass

    def wait(_: float) -> None:
        raise Over

    clickhouse = ClickHouse(lambda *_: DatabaseError("not now", code=243))
    with pytest.raises(Over):
        insert(clickhouse, block(), wait)


def test_waits_grow_to_a_bound() -> None:
    delays = sink.delays()
    seen = [next(delays) for _ in range(20)]
    assert seen[0] < 1
    assert seen == sorted(seen)
    assert seen[-1] == 5


def test_a_refused_row_is_known_before_any_later_row_is_inserted() -> None:
    whole = block()
    poison = whole.rows[3][0]
    clickhouse = ClickHouse(lambda _, ids: DatabaseError("bad", code=117) if poison in ids else None)
    there: list[int] = []
    sink.insert(clickhouse, whole, no_wait, lambda _: there.append(len(clickhouse.rows)))
    assert there == [3]


def test_row_after_row_refused_is_no_rows_fault() -> None:
    clickhouse = ClickHouse(lambda *_: DatabaseError("bad", code=70))
    with pytest.raises(KithError, match="row after row of events"):
        insert(clickhouse, block(2 * BROKEN_AT_LEAST))


@pytest.mark.parametrize("error", [None, OperationalError("away")])
def test_what_was_sent_is_let_go_although_the_client_holds_on_to_it(error: Exception | None) -> None:
    held: list[Any] = []

    class Client(ClickHouse):
        def insert(self, table: str, data: Any, column_names: list[str], **options: Any) -> None:
            super().insert(table, data, column_names, **options)
            held.append(data)

    clickhouse = Client(lambda call, _: error if call == 1 else None)
    insert(clickhouse, block())
    assert len(clickhouse.rows) == 8
    assert held == [[]]
