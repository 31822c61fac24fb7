"""Inserts that take effect once: each block under a token, tried again until its fate is known.

A time-out says nothing about whether the insert happened, so the same block is sent again under the same token until
ClickHouse confirms it; the engine recognises the repeat. Rows that ClickHouse cannot take are found by halving.
"""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Protocol

import structlog
from clickhouse_connect.driver.exceptions import DatabaseError, Error

from projections.batch import Block, Refused
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

Wait = Callable[[float], None]


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


def insert(client: Inserter, block: Block, wait: Wait) -> list[Refused]:
    """Insert the block; return the records whose rows ClickHouse cannot take.

    ClickHouse away, full or misconfigured: tries again for as long as `wait` returns. `wait(seconds)` raises when the
    block is no longer this process's to insert.
    """
    started = perf_counter()
    refused = _insert(client, block, wait)
    histogram("kith_projector_insert_seconds").observe(perf_counter() - started)
    counter("kith_projector_rows_total").labels(block.table.name).inc(len(block.rows) - len(refused))
    return refused


def _insert(client: Inserter, block: Block, wait: Wait) -> list[Refused]:
    for delay in delays():
        try:
            client.insert(
                block.table.name,
                block.columns(),
                block.table.names,
                column_type_names=block.table.types,
                column_oriented=True,
                settings={"insert_deduplication_token": block.token},
            )
            return []
        except Error as error:
            if isinstance(error, DatabaseError) and error.code in ROW_FAULTS:
                return _halve(client, block, wait, error)
            log.warning("insert failed", table=block.table.name, rows=len(block.rows), code=error.code, retry_s=delay)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            # The client could not write a value in its column's type.
            return _halve(client, block, wait, error)
        wait(delay)
    raise AssertionError("delays never end")


def _halve(client: Inserter, block: Block, wait: Wait, error: Exception) -> list[Refused]:
    size = len(block.rows)
    if size == 1:
        return [Refused(block.records[0], f"{type(error).__name__}: {error}")]
    middle = size // 2
    return [
        *_insert(client, block.part(0, middle), wait),
        *_insert(client, block.part(middle, size), wait),
    ]
