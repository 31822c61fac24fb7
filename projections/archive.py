"""What ClickHouse holds already: event ids, and how far each partition has come."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from projections.batch import Block, Projection
from projections.tables import EVENTS, Table

# 20,000 ids are 780 KB of statement.
_ID_SETTINGS = {"max_query_size": 64 << 20}
_EVENT_ID = EVENTS.names.index("event_id")

_POSITIONS = (
    "SELECT topic, partition, max(offset) + 1 FROM {table} "
    "WHERE topic IN {{topics:Array(String)}} GROUP BY topic, partition"
)

Positions = dict[tuple[str, int], int]


class Reader(Protocol):
    """What is used of clickhouse-connect's client."""

    def query(
        self, query: str, parameters: dict[str, Any] | None = None, settings: dict[str, Any] | None = None
    ) -> Any:
        """Run one query; the answer's `result_rows` are its rows."""


def positions(reader: Reader, known: Mapping[str, Projection], topics: Iterable[str]) -> Positions:
    """Return, by (topic, partition), the offset after the greatest one that ClickHouse holds."""
    wanted: dict[str, tuple[Table, list[str]]] = {}
    for topic in topics:
        own = known[topic].own
        wanted.setdefault(own.name, (own, []))[1].append(topic)
    found: Positions = {}
    for table, names in wanted.values():
        answer = reader.query(
            _POSITIONS.format(table=table.name),
            parameters={"topics": names},
        )
        found |= {(topic, partition): offset for topic, partition, offset in answer.result_rows}
    return found


def archived(reader: Reader, ids: Iterable[str]) -> set[str]:
    """Return which of these event ids the archive has. The ids are UUIDs in text form, as the rows checked them."""
    listed = "','".join(ids)
    answer = reader.query(
        f"SELECT DISTINCT toString(event_id) FROM events WHERE event_id IN ('{listed}')",  # noqa: S608 - hex and hyphens
        settings=_ID_SETTINGS,
    )
    return {event_id for (event_id,) in answer.result_rows}


def new_events(reader: Reader, block: Block) -> Block:
    """Return the block with each event id once, and without those that the archive has."""
    seen = archived(reader, dict.fromkeys(row[_EVENT_ID] for row in block.rows))

    def known(row: tuple[Any, ...]) -> bool:
        event_id = row[_EVENT_ID]
        if event_id in seen:
            return True
        seen.add(event_id)
        return False

    return block.without(known)
