"""The projector over a log and a ClickHouse in memory, killed at every effect."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st

from projections import batch
from projections.batch import BROKEN_AT_LEAST, Refused
from projections.consumer import Reassigned
from projections.projector import Projector
from schemas.codec import dumps
from schemas.errors import KithError
from schemas.settings import Settings
from tests.unit.projections.records import TOPICS, Log, assignment, change, event_record

KNOWN = batch.projections(TOPICS)
WEB = TOPICS.events["web"]


class Killed(Exception):
    """The process ends here."""


class World:
    """What survives a crash: the log, the group's offsets, ClickHouse, the dead letters."""

    def __init__(self, records: Iterable[Log], kill_at: Iterable[tuple[int, bool]] = ()) -> None:
        self.log: dict[tuple[str, int], list[Log]] = {}
        for record in records:
            self.log.setdefault((record.topic, record.partition), []).append(record)
        self.committed: dict[tuple[str, int], int] = {}
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.tokens: set[tuple[str, str]] = set()
        self.dead: list[Refused] = []
        self.seen_slices = 0
        self.effects = 0
        self.kill_at = dict(kill_at)

    def effect(self, happen: Any) -> Any:
        """Let an effect happen, or the process end just before or just after it."""
        self.effects += 1
        after = self.kill_at.get(self.effects)
        if after is False:
            raise Killed
        answer = happen()
        if after is True:
            raise Killed
        return answer

    def query(self, query: str, parameters: dict[str, Any] | None = None, *, external_data: Any = None) -> Any:
        if query.startswith("SELECT DISTINCT"):
            asked = set(external_data.form_data["ids"][1].decode().split())
            rows: list[Any] = [(row["event_id"],) for row in self.tables.get("events", ()) if row["event_id"] in asked]
        elif "HAVING count()" in query:
            rows = []
        else:
            table = re.search(r"FROM (\w+)", query)
            assert table
            assert parameters
            greatest: dict[tuple[str, int], int] = {}
            for row in self.tables.get(table[1], ()):
                if row["topic"] in parameters["topics"]:
                    place = (row["topic"], row["partition"])
                    greatest[place] = max(greatest.get(place, 0), row["offset"] + 1)
            rows = [(*place, offset) for place, offset in greatest.items()]
        return self.effect(lambda: SimpleNamespace(result_rows=rows))

    def insert(self, table: str, data: Any, names: list[str], **options: Any) -> None:
        token = (table, options["settings"]["insert_deduplication_token"])

        def happen() -> None:
            if token not in self.tokens:
                self.tokens.add(token)
                self.tables.setdefault(table, []).extend(
                    dict(zip(names, row, strict=True)) for row in zip(*data, strict=True)
                )

        self.effect(happen)

    def refresh(self, slices: int) -> None:
        self.effect(lambda: setattr(self, "seen_slices", len(self.tables.get("identity_slices", ()))))

    def send(self, refused: Sequence[Refused]) -> None:
        if refused:
            self.effect(lambda: self.dead.extend(refused))


class Reader:
    """The consumer of one process."""

    def __init__(self, world: World, stop: Event) -> None:
        self._world = world
        self._stop = stop
        self._at: dict[tuple[str, int], int] = {}
        self.must_seek = True
        self.reassign_at: int | None = None
        self.let_go: Callable[[], None] = lambda: None
        self._polls = 0

    @property
    def assigned(self) -> set[tuple[str, int]]:
        return set(self._world.log)

    def reads_all(self, topics: Iterable[str]) -> bool:
        return True

    def seek(self, held: Mapping[tuple[str, int], int]) -> None:
        self._at = {place: max(held.get(place, 0), self._world.committed.get(place, 0)) for place in self._world.log}
        self.must_seek = False

    def poll(self, seconds: float, most: int) -> list[Log]:
        self._polls += 1
        if not self._world.log:
            self._stop.set()
        if self._polls == self.reassign_at:
            self.must_seek = True
            raise Reassigned
        found: list[Log] = []
        for place, records in self._world.log.items():
            found += [record for record in records if record.offset >= self._at[place]][: most - len(found)]
        for record in found:
            self._at[record.topic, record.partition] = record.offset + 1
        return found

    def gather(self, seconds: float, most: int) -> list[Log]:
        return self.poll(seconds, most)

    def stay(self, seconds: float) -> None:
        pass

    def positions(self) -> dict[tuple[str, int], int]:
        return dict(self._at)

    def commit(self, positions: dict[tuple[str, int], int]) -> None:
        if positions != self._world.committed:
            self._world.effect(lambda: self._world.committed.update(positions))
        if all(record.offset < self._at[place] for place, records in self._world.log.items() for record in records):
            self._stop.set()


def run(world: World, most: int = 3, reassign_at: int | None = None) -> None:
    """Start a projector, and another one whenever it is killed, until everything is read."""
    for _ in range(200):
        stop = Event()
        reader = Reader(world, stop)
        reader.reassign_at = reassign_at
        configured = Settings(projector_batch=most, projector_interval_s=0.01)
        projector = Projector(
            configured,
            KNOWN,
            reader,  # type: ignore[arg-type]
            world,
            world,  # type: ignore[arg-type]
            stop,
            refresh=world.refresh,
        )
        try:
            projector.run()
        except Killed:
            continue
        return
    raise AssertionError("never done")


events = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.booleans()), max_size=14)


def records_of(drawn: list[tuple[int, int, bool]]) -> list[Log]:
    """Events with repeated ids on several partitions, and some records that are none."""
    offsets: Counter[int] = Counter()
    found = []
    for partition, message, good in drawn:
        offset = offsets[partition]
        # Transaction markers take offsets too.
        offsets[partition] += 2
        record = event_record(f"m{message}", offset, partition)
        found.append(record if good else Log(record.topic, b"{", offset, partition))
    return found


@settings(deadline=None)
@given(events, st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=4), st.integers(1, 5))
def test_killed_anywhere_every_event_is_archived_once(
    drawn: list[tuple[int, int, bool]], kills: list[tuple[int, bool]], most: int
) -> None:
    records = records_of(drawn)
    world = World(records, kills)
    run(world, most)
    archived = [row["event_id"] for row in world.tables.get("events", ())]
    good = [record for record in records if record.value != b"{"]
    assert len(archived) == len(set(archived)) == len({row.value for row in good})
    assert {row["raw"] for row in world.tables.get("events", ())} == {record.value for record in good}
    # A record that became a dead letter twice became the same one.
    bad = {(record.partition, record.offset) for record in records if record.value == b"{"}
    assert {(refused.record.partition, refused.record.offset) for refused in world.dead} == bad


@settings(deadline=None)
@given(st.integers(1, 12), st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=4), st.integers(1, 5))
def test_killed_anywhere_every_change_is_there_once_and_so_is_its_membership(
    count: int, kills: list[tuple[int, bool]], most: int
) -> None:
    records = [Log(TOPICS.changes, dumps(change(n + 1)), n) for n in range(count)]
    world = World(records, kills)
    run(world, most)
    assert [row["sequence"] for row in world.tables["segment_changes"]] == list(range(1, count + 1))
    # Written before the change, so possibly more often, and always the same.
    assert {row["sequence"] for row in world.tables["membership_states"]} == set(range(1, count + 1))


@settings(deadline=None)
@given(st.integers(1, 12), st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=4), st.integers(1, 5))
def test_killed_anywhere_no_slice_is_committed_that_queries_do_not_see(
    count: int, kills: list[tuple[int, bool]], most: int
) -> None:
    world = World([Log(TOPICS.assignments, dumps(assignment(version=n)), n) for n in range(count)], kills)
    seen_at_commit: list[tuple[int, int]] = []

    class Committed(dict[tuple[str, int], int]):
        def update(self, positions: dict[tuple[str, int], int]) -> None:  # type: ignore[override]
            seen_at_commit.append((positions[TOPICS.assignments, 0], world.seen_slices))
            super().update(positions)

    world.committed = Committed()
    run(world, most)
    assert seen_at_commit[-1][0] == count
    assert all(seen >= position for position, seen in seen_at_commit)


@given(st.integers(2, 8))
@settings(deadline=None)
def test_after_a_rebalance_reading_goes_on_where_clickhouse_stands(reassign_at: int) -> None:
    world = World([event_record(f"m{n}", n) for n in range(12)])
    run(world, 2, reassign_at)
    assert [row["offset"] for row in world.tables["events"]] == list(range(12))


def test_the_position_is_committed_although_nothing_became_a_row() -> None:
    world = World([event_record("m", 0), event_record("m", 1)])
    run(world)
    assert world.committed == {(WEB, 0): 2}
    assert len(world.tables["events"]) == 1


def test_a_broken_projection_stops_and_commits_nothing() -> None:
    world = World([Log(WEB, b"{", n) for n in range(BROKEN_AT_LEAST)])
    with pytest.raises(KithError, match="broken"):
        run(world, most=100)
    assert not world.committed
    assert not world.dead


def test_clickhouse_away_is_waited_for() -> None:
    world = World([event_record("m", 0)])
    failures = iter([OperationalError("away")] * 3)
    insert = world.insert

    def failing(*arguments: Any, **options: Any) -> None:
        if error := next(failures, None):
            raise error
        insert(*arguments, **options)

    world.insert = failing  # type: ignore[method-assign]
    run(world)
    assert len(world.tables["events"]) == 1


def test_the_next_batch_is_read_while_clickhouse_takes_the_last() -> None:
    world = World([event_record(f"m{n}", n) for n in range(6)])
    read, insert = Event(), world.insert

    def inserting(table: str, data: Any, names: list[str], **options: Any) -> None:
        # Would wait for ever if the second batch were read after the first is inserted.
        assert read.wait(10)
        insert(table, data, names, **options)

    class Ahead(Reader):
        def poll(self, seconds: float, most: int) -> list[Log]:
            found = super().poll(seconds, most)
            if self._at[WEB, 0] == 6:
                read.set()
            return found

    world.insert = inserting  # type: ignore[method-assign]
    stop = Event()
    configured = Settings(projector_batch=3, projector_interval_s=0.01)
    Projector(configured, KNOWN, Ahead(world, stop), world, world, stop).run()  # type: ignore[arg-type]
    assert [row["offset"] for row in world.tables["events"]] == list(range(6))
    assert world.committed == {(WEB, 0): 6}


def test_partitions_are_not_let_go_while_rows_of_theirs_are_on_their_way() -> None:
    world = World([event_record(f"m{n}", n) for n in range(4)])
    begun, may_end, insert = Event(), Event(), world.insert
    under_way: list[bool] = []

    def inserting(table: str, data: Any, names: list[str], **options: Any) -> None:
        begun.set()
        may_end.wait(0.2)
        insert(table, data, names, **options)

    class Rebalanced(Reader):
        """Loses its partitions to the group while the first batch is inserted, and gets them back."""

        def poll(self, seconds: float, most: int) -> list[Log]:
            if begun.is_set() and not may_end.is_set():
                self.let_go()
                under_way.append("events" not in self._world.tables)
                assert not self._world.committed
                may_end.set()
                self.must_seek = True
                raise Reassigned
            return super().poll(seconds, most)

    world.insert = inserting  # type: ignore[method-assign]
    stop = Event()
    configured = Settings(projector_batch=2, projector_interval_s=0.01)
    Projector(configured, KNOWN, Rebalanced(world, stop), world, world, stop).run()  # type: ignore[arg-type]
    assert under_way == [False]
    assert [row["offset"] for row in world.tables["events"]] == list(range(4))


def test_partitions_are_let_go_although_clickhouse_is_away() -> None:
    world = World([event_record("m", 0)])
    insert, tries, let_go = world.insert, Counter[str](), Event()

    def failing(*arguments: Any, **options: Any) -> None:
        tries["insert"] += 1
        if not let_go.is_set() and tries["insert"] < 1000:
            raise OperationalError("away")
        insert(*arguments, **options)

    class Rebalanced(Reader):
        def poll(self, seconds: float, most: int) -> list[Log]:
            if tries["insert"] and not let_go.is_set():
                self.let_go()
                assert "events" not in self._world.tables
                let_go.set()
                self.must_seek = True
                raise Reassigned
            return super().poll(seconds, most)

    world.insert = failing  # type: ignore[method-assign]
    stop = Event()
    configured = Settings(projector_batch=2, projector_interval_s=0.01)
    Projector(configured, KNOWN, Rebalanced(world, stop), world, world, stop).run()  # type: ignore[arg-type]
    assert [row["offset"] for row in world.tables["events"]] == [0]
