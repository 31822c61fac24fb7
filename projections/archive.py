"""What ClickHouse holds already: event ids, and how far each partition has come."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from clickhouse_connect.driver.external import ExternalData

from projections.batch import Block, Projection
from projections.placement import ONE_NODE, Placement
from projections.tables import EVENTS, Table

_EVENT_ID = EVENTS.names.index("event_id")

# A block is on one node whole or not at all, but may be on one shard and not yet on another: what is up to the least of
# the shards' greatest offsets is on all of them. Without shards `shardNum` and `shardCount` are 0.
_POSITIONS = """\
SELECT topic, partition, if(count() < any(shards), 0, min(after))
FROM (
    SELECT shardNum() AS shard, any(shardCount()) AS shards, topic, partition, max(offset) + 1 AS after
    FROM {table} WHERE topic IN {{topics:Array(String)}} GROUP BY shard, topic, partition
)
GROUP BY topic, partition"""
# By the primary key, however large the table is: whose id it is, is mostly asked by the same person.
_HELD = (
    "SELECT toString(event_id), toString(seed) FROM {table} "
    "WHERE seed IN (SELECT seed FROM asked) AND event_id IN (SELECT id FROM asked)"
)
_ARCHIVED = "SELECT DISTINCT toString(event_id) FROM {table} WHERE event_id IN (SELECT id FROM ids)"
# Answered by the projection `by_id`: where the rows lie is asked of the few that are repeated.
_REPEATED = (
    "SELECT toString(event_id) FROM events WHERE event_id GLOBAL IN ({ids}) GROUP BY event_id HAVING count() > 1"
)
_GIVEN = "SELECT id FROM ids"
_PLACES = (
    "SELECT event_id, arraySort(groupArray((topic, partition, offset))) FROM events "
    "WHERE event_id IN (SELECT id FROM ids) GROUP BY event_id"
)
_DELETE = (
    "DELETE FROM {table} WHERE event_id = {{id:UUID}} AND topic = {{topic:String}} "
    "AND partition = {{partition:UInt32}} AND offset = {{offset:UInt64}}"
)
_NEWEST = "SELECT event_id FROM events INNER JOIN starts USING (topic, partition) WHERE offset >= start"

Positions = dict[tuple[str, int], int]


class Reader(Protocol):
    """What is used of clickhouse-connect's client to read."""

    def query(
        self, query: str, parameters: dict[str, Any] | None = None, *, external_data: ExternalData | None = None
    ) -> Any:
        """Run one query; the answer's `result_rows` are its rows."""


class Editor(Reader, Protocol):
    """What is used of clickhouse-connect's client to read and to delete."""

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> Any:
        """Run one statement."""


def positions(reader: Reader, known: Mapping[str, Projection], topics: Iterable[str]) -> Positions:
    """Return, by (topic, partition), the offset after the greatest one up to which ClickHouse holds all there is."""
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


def archived(reader: Reader, ids: Iterable[str], table: str = EVENTS.name) -> set[str]:
    """Return which of these event ids the archive, or another table of events, has."""
    answer = reader.query(_ARCHIVED.format(table=table), external_data=table_of_ids(ids))
    return {event_id for (event_id,) in answer.result_rows}


def seeds_held(reader: Reader, asked: Sequence[tuple[str, str]], table: str = EVENTS.name) -> dict[str, str]:
    """Return which seed the archive, or another table of events, has each of these event ids with.

    `asked` are (event id, seed). An id that is there with a seed that nobody asks about is not in the answer.
    """
    if not asked:
        return {}
    lines = "\n".join(f"{event_id}\t{seed}" for event_id, seed in asked)
    given = ExternalData(file_name="asked", data=lines.encode(), fmt="TSV", structure="id UUID, seed UUID")
    return dict(reader.query(_HELD.format(table=table), external_data=given).result_rows)


def event_ids(block: Block) -> list[str]:
    """Return the event ids of a block of events."""
    return [row[_EVENT_ID] for row in block.rows]


def new_events(reader: Reader, block: Block) -> Block:
    """Return the block with each event id once, and without those that its table has."""
    seen = archived(reader, dict.fromkeys(event_ids(block)), block.table.name)

    def known(row: tuple[Any, ...]) -> bool:
        event_id = row[_EVENT_ID]
        if event_id in seen:
            return True
        seen.add(event_id)
        return False

    return block.without(known)


def remove_surplus(editor: Editor, ids: Iterable[str], placement: Placement = ONE_NODE) -> int:
    """Delete all rows but one of each of these event ids; return how many were too many.

    Two projectors that insert the same id from different partitions at the same moment do not see each other before;
    behind its insert at least the later one does. Which row stays depends on where they were read alone, so both delete
    the same ones.
    """
    return _remove_surplus(editor, _GIVEN, table_of_ids(ids), placement)


def remove_newest_surplus(
    editor: Editor, held: Mapping[tuple[str, int], int], count: int, placement: Placement = ONE_NODE
) -> int:
    """Do the same for the events within the newest `count` offsets of each of these partitions.

    Somebody who was killed between insert and `remove_surplus` may have left them.
    """
    lines = "\n".join(
        f"{topic}\t{partition}\t{max(0, end - count)}" for (topic, partition), end in sorted(held.items())
    )
    if not lines:
        return 0
    starts = ExternalData(
        file_name="starts", data=lines.encode(), fmt="TSV", structure="topic String, partition UInt32, start UInt64"
    )
    return _remove_surplus(editor, _NEWEST, starts, placement)


def table_of_ids(ids: Iterable[str]) -> ExternalData:
    """Return UUIDs as the table `ids` of one query, with the column `id`.

    As literals of a statement they would cost ClickHouse twenty times as much as looking for them.
    """
    return ExternalData(file_name="ids", data="\n".join(ids).encode(), fmt="TSV", structure="id UUID")


def _remove_surplus(editor: Editor, ids: str, given: ExternalData, placement: Placement) -> int:
    repeated = [row[0] for row in editor.query(_REPEATED.format(ids=ids), external_data=given).result_rows]
    if not repeated:
        return 0
    answer = editor.query(_PLACES, external_data=table_of_ids(repeated))
    surplus = [(event_id, *place) for event_id, places in answer.result_rows for place in places[1:]]
    deletion = _DELETE.format(table=placement.deletable(EVENTS.name))
    for event_id, topic, partition, offset in surplus:
        place = {"id": event_id, "topic": topic, "partition": partition, "offset": offset}
        editor.command(deletion, parameters=place)
    return len(surplus)
