"""A batch of records as blocks of rows, each block with the token by which ClickHouse recognises a repeat of it. Pure.

A topic feeds one or more tables; the last of them is the topic's own and says, by its greatest offset, how far the
topic has come. It is written last, so whatever it has the others have too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from projections import rows, tables
from projections.rows import Record, Row, Rows
from projections.tables import Table
from schemas.errors import KithError
from schemas.topics import Topics

# A batch is inserted when its values are that many bytes, however few they are.
BATCH_BYTES = 32 << 20
# That many failures that are also most of a topic's records in a batch mean a broken projection, not bad records.
BROKEN_AT_LEAST = 20


@dataclass(frozen=True, slots=True)
class Projection:
    """How one topic is projected: its tables, its own last, and the function that builds their rows."""

    tables: tuple[Table, ...]
    build: Callable[[Record], Rows]

    @property
    def own(self) -> Table:
        """Return the table that says how far the topic has come."""
        return self.tables[-1]


class Refused(NamedTuple):
    """A record that has no rows, and why."""

    record: Record
    error: str


@dataclass(slots=True)
class Block:
    """Rows of one insert, and for each the record that it comes from."""

    table: Table
    token: str = ""
    rows: list[Row] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def columns(self) -> list[Sequence[Any]]:
        """Return the rows as columns."""
        return list(zip(*self.rows, strict=True))

    def part(self, start: int, end: int) -> "Block":
        """Return some of the rows, under a token of their own."""
        return Block(self.table, f"{self.token} {start}-{end}", self.rows[start:end], self.records[start:end])

    def without(self, drop: Callable[[Row], bool]) -> "Block":
        """Return the block without the rows that `drop` names, under the same token."""
        kept = [(row, record) for row, record in zip(self.rows, self.records, strict=True) if not drop(row)]
        return Block(self.table, self.token, [row for row, _ in kept], [record for _, record in kept])


def projections(topics: Topics) -> dict[str, Projection]:
    """Return how each topic that is projected becomes rows."""
    archive = Projection((tables.EVENTS,), rows.event_rows)
    identity = Projection((tables.IDENTITY_CANDIDATES, tables.IDENTITY_SLICES), rows.assignment_rows)
    segments = Projection((tables.MEMBERSHIP_STATES, tables.SEGMENT_CHANGES), rows.change_rows)
    return {
        **dict.fromkeys(topics.events.values(), archive),
        topics.assignments: identity,
        topics.profiles: Projection((tables.PROFILE_STATES,), rows.profile_rows),
        topics.orders: Projection((tables.ORDER_STATES,), rows.order_rows),
        topics.changes: segments,
        topics.definitions: Projection((tables.DEFINITION_STATES,), rows.definition_rows),
        topics.progress: Projection((tables.PROGRESS_STATES,), rows.progress_rows),
        topics.deliveries: Projection((tables.DELIVERY_STATES,), rows.delivery_rows),
        topics.decisions: Projection((tables.DECISIONS,), rows.decision_rows),
        topics.rejected: Projection((tables.DEAD_LETTERS,), rows.dead_letter_rows),
        topics.replays: Projection((tables.DEAD_LETTER_REPLAYS,), rows.replay_rows),
    }


def blocks_of(records: Iterable[Record], known: Mapping[str, Projection]) -> tuple[list[Block], list[Refused]]:
    """Return the records' blocks in the order in which they are to be inserted, and the records that have no rows.

    Raises `KithError` when so many records of a topic fail that the projection must be at fault.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.topic, []).append(record)
    blocks: dict[str, Block] = {}
    owned: dict[str, Block] = {}
    ranges: dict[str, dict[tuple[str, int], list[int]]] = {}
    refused: list[Refused] = []
    for topic, group in groups.items():
        projection = known[topic]
        spans = _spans(topic, group)
        into = []
        for table in projection.tables:
            part = owned if table is projection.own else blocks
            into.append(part.setdefault(table.name, Block(table)))
            ranges.setdefault(table.name, {}).update(spans)
        refused += _build(projection.build, group, into)
    counts = {topic: len(group) for topic, group in groups.items()}
    check_broken(refused, counts)
    ordered = [*blocks.values(), *owned.values()]
    for block in ordered:
        block.token = token_of(ranges[block.table.name])
    return [block for block in ordered if block.rows], refused


def _spans(topic: str, group: Iterable[Record]) -> dict[tuple[str, int], list[int]]:
    """Return the first and the last offset of each partition."""
    spans: dict[int, list[int]] = {}
    for record in group:
        offset = record.offset
        spans.setdefault(record.partition, [offset, offset])[1] = offset
    return {(topic, partition): span for partition, span in spans.items()}


def _build(build: Callable[[Record], Rows], group: Iterable[Record], into: Sequence[Block]) -> list[Refused]:
    """Add the rows of one topic's records to their blocks; return the records that have none."""
    refused = []
    for record in group:
        try:
            made = build(record)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this record's fault or `check_broken` says so
            refused.append(Refused(record, f"{type(error).__name__}: {error}"))
            continue
        for block, row in zip(into, made, strict=True):
            if row is not None:
                block.rows.append(row)
                block.records.append(record)
    return refused


def token_of(ranges: Mapping[tuple[str, int], Sequence[int]]) -> str:
    """Return the text that names exactly these offsets: `topic/partition:first-last`, in order."""
    return ",".join(
        f"{topic}/{partition}:{first}-{last}" for (topic, partition), (first, last) in sorted(ranges.items())
    )


def check_broken(refused: Iterable[Refused], counts: Mapping[str, int]) -> None:
    """Raise `KithError` when most of a topic's records failed: dead-lettering them all would hide the fault."""
    failures: dict[str, list[str]] = {}
    for record, error in refused:
        failures.setdefault(record.topic, []).append(error)
    for topic, errors in failures.items():
        if len(errors) >= BROKEN_AT_LEAST and 2 * len(errors) > counts[topic]:
            raise KithError(
                f"The projection of {topic} is broken: {len(errors)} of {counts[topic]} records failed, the last with "
                f"{errors[-1]!r}. Nothing was skipped; run a version of Kith that understands them."
            )
