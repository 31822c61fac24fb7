"""Inserts that take effect once: each block under a token, tried again until its fate is known.

A time-out says nothing about whether the insert happened, so the same block is sent again under the same token until
ClickHouse confirms it; the engine recognises the repeat. Rows that ClickHouse cannot take are found by halving.
"""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Protocol, TypeVar

import structlog
from clickhouse_connect.driver.exceptions import DatabaseError, Error

from projections.batch import BROKEN_AT_LEAST, Block, Refused
from schemas.errors import KithError
from schemas.metrics import counter, histogram

log = structlog.get_logger(__name__)

# ClickHouse's codes for "this value does not fit": the only ones for which a row can be at fault.
ROW_FAULTS = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        131,  # TOO_LARGE_STRING_SIZE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        376,  # CANNOT_PARSE_UUID
        407,  # DECIMAL_OVERFLOW
    }
)
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0

T = TypeVar("T")
Wait = Callable[[float], None]
Refuse = Callable[[Refused], None]


class Inserter(Protocol):
    """What is used of clickhouse-connect's client."""

    def insert(
        self,
        table: str,
        data: Any,
        column_names: list[str],
        *,
        column_type_names: list[str],
        column_oriented: bool,
        settings: dict[str, Any],
    ) -> Any:
        """Insert columns into a table."""


def delays() -> Iterator[float]:
    """Yield how long to wait before each further try, in seconds: doubling, up to five."""
    delay = _FIRST_WAIT_S
    while True:
        yield delay
        delay = min(2 * delay, _LONGEST_WAIT_S)


def patiently(ask: Callable[[], T], wait: Wait) -> T:
    """Return what `ask` answers, however long ClickHouse is away; `wait(seconds)` is called between two tries."""
    for delay in delays():
        try:
            return ask()
        except Error as error:
            log.warning("ClickHouse does not answer", code=error.code, error=type(error).__name__, retry_s=delay)
            wait(delay)
    raise AssertionError("delays never end")


def insert(client: Inserter, block: Block, wait: Wait, refuse: Refuse) -> None:
    """Insert the block; `refuse` is called with each record whose row ClickHouse cannot take, before any later row.

    So what ClickHouse holds up to some offset, and what was refused, is everything up to there, at any moment.
    ClickHouse away, full or misconfigured: tries again for as long as `wait` returns. `wait(seconds)` raises when the
    block is no longer this process's to insert. Raises `KithError` when row after row is refused.
    """
    started = perf_counter()
    _Insert(client, wait, refuse).whole(block)
    histogram("kith_projector_insert_seconds").observe(perf_counter() - started)


class _Insert:
    """One block on its way, in halves where it must be."""

    def __init__(self, client: Inserter, wait: Wait, refuse: Refuse) -> None:
        self._client = client
        self._wait = wait
        self._refuse = refuse
        self._refused_in_a_row = 0

    def whole(self, block: Block) -> None:
        """Insert the block, or find the rows that cannot be inserted."""
        for delay in delays():
            try:
                self._send(block)
            except Error as error:
                if isinstance(error, DatabaseError) and error.code in ROW_FAULTS:
                    return self._halves(block, error)
                log.warning(
                    "insert failed", table=block.table.name, rows=len(block.rows), code=error.code, retry_s=delay
                )
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                # The client could not write a value in its column's type.
                return self._halves(block, error)
            else:
                self._refused_in_a_row = 0
                return counter("kith_projector_rows_total").labels(block.table.name).inc(len(block.rows))
            self._wait(delay)

    def _send(self, block: Block) -> None:
        columns = block.columns()
        try:
            self._client.insert(
                block.table.name,
                columns,
                block.table.names,
                column_type_names=block.table.types,
                column_oriented=True,
                settings={"insert_deduplication_token": block.token},
            )
        finally:
            # clickhouse-connect 1.12 leaves a cycle that holds on to them, until Python looks for cycles.
            columns.clear()

    def _halves(self, block: Block, error: Exception) -> None:
        size = len(block.rows)
        if size > 1:
            self.whole(block.part(0, size // 2))
            self.whole(block.part(size // 2, size))
            return
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= BROKEN_AT_LEAST:
            raise KithError(
                f"ClickHouse refuses row after row of {block.table.name}, the last with {str(error)[:500]!r}. Compare "
                f"its columns with those of this version of Kith (kith migrate --dry-run)."
            )
        self._refuse(Refused(block.records[0], f"{type(error).__name__}: {error}"))
