"""A sharded database beside one on one node: the same rows go in, and every answer is the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.local.tables import bring_up_to_date
from processors.expunge import Expunge
from projections import archive, migrate
from projections.access import Access
from projections.batch import Projection, blocks_of, projections
from projections.dictionary import relations
from projections.groups import groups_of
from projections.placement import SHARDED, Placement
from projections.rebuild import Rebuild
from projections.tables import EVENTS
from schemas.errors import KithError
from schemas.settings import Settings
from tests.contract.conftest import settings_of
from tests.contract.projections.shop import Shop, shop
from tests.contract.projections.test_laws import KNOWN, TOPICS, answers, log_of, project
from tests.parts import people
from tests.parts.people import Writer, seed
from tests.parts.shards import DATABASE, clickhouse_with_shards, open_shards
from tests.unit.projections.records import Log

SAID = {
    *("events", "events_by_profile", "events_of", "orders", "orders_by_profile", "orders_of", "order_items"),
    *("orders_counted", "sessions", "daily_revenue", "product_popularity", "rfm", "funnel", "retention"),
    *("segment_membership", "segment_members_at"),
}
ALL_TIME = {"start": "1900-01-01 00:00:00.000", "end": "2299-12-31 23:59:59.999"}
ASKED: dict[str, Any] = {
    **ALL_TIME,
    "profile_id": seed("user_id", "u1"),
    "segment_id": "vip",
    "as_of": ALL_TIME["end"],
    "steps": ["Product Viewed", "Product Added", "Order Completed"],
    "within": 7 * 86_400_000,
    "start_event": "Product Viewed",
    "return_event": "Order Completed",
    "period": "day",
    "timezone": "UTC",
}


@dataclass
class Both:
    """A database on one node and one on shards."""

    settings: Settings
    plain: Writer
    sharded: Writer

    def fill(self, made: Shop) -> None:
        for writer in (self.plain, self.sharded):
            writer.clear()
            made.write(writer)

    def rows(self, sql: str, **parameters: Any) -> list[str]:
        """Return the rows of a query, which are those of both; their order may differ."""
        plain, sharded = (
            sorted(map(repr, writer.client.query(sql, parameters=parameters).result_rows))
            for writer in (self.plain, self.sharded)
        )
        assert plain == sharded, sql
        return plain


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with clickhouse_with_shards(tmp_path_factory.mktemp("shards")) as running:
        plain = settings_of(running.url)
        on_shards = {"clickhouse_cluster": "shops", "clickhouse_sharded": True, "clickhouse_database": DATABASE}
        settings = plain.model_copy(update={**on_shards, "topic_prefix": TOPICS.prefix})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(people, "open_database", open_shards)
            sharded = Writer(settings)
        found = Both(settings, Writer(plain), sharded)
        yield found
        found.plain.client.close()
        found.sharded.client.close()


@pytest.fixture
def writer(both: Both) -> Writer:
    """The sharded one, empty."""
    both.sharded.clear()
    return both.sharded


@pytest.mark.parametrize("cluster", ["nowhere", "shops"])
def test_a_cluster_that_clickhouse_cannot_tell_what_to_do_is_named(both: Both, cluster: str) -> None:
    changed = {"clickhouse_cluster": cluster, "clickhouse_database": "new"}
    with pytest.raises(KithError, match=f"knows no cluster {cluster} .*unset KITH_CLICKHOUSE_CLUSTER"):
        bring_up_to_date(both.settings.model_copy(update=changed))


@pytest.mark.parametrize("placement", [Placement(), Placement("shops"), Placement("shops", sharded=True)])
def test_the_engine_reads_every_statement(both: Both, placement: Placement) -> None:
    """Also those that only a server with Keeper can run."""
    for statement in migrate.all_statements(placement):
        if not statement.startswith("--"):
            sql = "SELECT formatQuery({statement:String})"
            [(formatted,)] = both.plain.client.query(sql, parameters={"statement": statement}).result_rows
            assert ("ON CLUSTER shops" in formatted) == bool(placement.cluster)


def test_every_table_and_view_says_the_same(both: Both) -> None:
    both.fill(shop(1, people=12, events=200, orders=40))
    spoke = set()
    for relation in relations():
        named = ", ".join(f"{name} = {{{name}:{type_}}}" for name, type_ in relation.parameters)
        sql = f"SELECT * FROM {relation.name}{f'({named})' if named else ''}"  # noqa: S608 - names of migrations
        filters = (("", ""), ("web", "vip")) if "segment" in named else (("", ""),)
        for channel, segment in filters:
            asked = {**ASKED, "channel": channel, "segment": segment}
            if both.rows(sql, **{name: asked[name] for name, _ in relation.parameters}):
                spoke.add(relation.name)
    assert spoke >= SAID


def test_rows_lie_on_both_shards_and_the_rows_of_a_seed_on_one(both: Both) -> None:
    both.fill(shop(2, people=20, events=300, orders=60))
    columns = (
        "SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
    )
    for name in SHARDED:
        over, under = (
            both.sharded.client.query(columns, parameters={"table": table}).result_rows
            for table in (name, f"{name}_local")
        )
        assert over == under
        found = both.sharded.client.query(f"SELECT toString(seed), shardNum() FROM {name}").result_rows  # noqa: S608
        assert {shard for _, shard in found} == {1, 2}
        assert len(dict(found)) == len(set(found))
        assert both.sharded.client.command(f"SELECT count() FROM {name}_local") == len(found)  # noqa: S608


def test_statements_that_run_again_for_new_nodes_change_nothing(both: Both) -> None:
    both.fill(shop(4, people=8, events=60, orders=10))
    people = "SELECT toString(profile_id), count() FROM events_by_profile GROUP BY 1"
    before = both.rows(people)
    for writer, placement in ((both.plain, Placement()), (both.sharded, Placement.of(both.settings))):
        migrate.migrate(writer.client, placement, access=Access.of(both.settings), again=True)
    assert both.rows(people) == before


@pytest.mark.parametrize("arrived", [1, 2])
def test_a_block_that_reached_one_shard_only_is_read_again_and_counted_once(writer: Writer, arrived: int) -> None:
    records = [each for each in log_of(1) if each.topic in (TOPICS.events["web"], TOPICS.orders)]
    project(writer, records)
    whole = answers(writer)
    writer.clear()
    project(writer, records[:25])
    # The next batch reaches one shard, then the projector dies: nothing was committed.
    parts, _ = blocks_of(records[25:60], KNOWN)
    for block in parts:
        new = archive.new_events(writer.client, block) if block.table is EVENTS else block
        wanted = f"sipHash64(toUUID(seed)) % 2 + 1 = {arrived}"
        columns = ", ".join(f"`{name}`" for name in block.table.names)
        writer.client.command(f"CREATE TABLE staged AS {block.table.name}_local ENGINE = Memory")
        writer.client.insert(
            "staged", new.columns(), block.table.names, column_type_names=block.table.types, column_oriented=True
        )
        writer.client.command(
            f"INSERT INTO {block.table.name}_local ({columns}) SELECT {columns} FROM staged WHERE {wanted}"  # noqa: S608
        )
        writer.client.command("DROP TABLE staged")
    held = archive.positions(writer.client, KNOWN, [TOPICS.events["web"], TOPICS.orders])
    missing = [each for each in records if each.offset >= held.get((each.topic, each.partition), 0)]
    # Whatever is below is there, on every shard; and not all is read again.
    assert {id(each) for each in records[60:]} <= {id(each) for each in missing}
    assert len(missing) < len(records)
    project(writer, missing)
    assert answers(writer) == whole


def test_copies_of_an_event_on_two_shards_are_seen_and_one_of_them_goes(both: Both, writer: Writer) -> None:
    records = [each for each in log_of(0) if each.topic == TOPICS.events["web"]]
    project(writer, records)
    before = answers(writer)
    placement = Placement.of(both.settings)
    client = writer.client
    assert archive.remove_newest_surplus(client, {(TOPICS.events["web"], 0): 50}, 50, placement) == 0
    # As another projector read them, for other people.
    client.command(
        "INSERT INTO events (event_id, seed, topic, partition, offset, raw) "
        "SELECT event_id, generateUUIDv4(), topic, partition + 2, offset, raw FROM events WHERE offset < 8 "
        "SETTINGS parallel_distributed_insert_select = 0"
    )
    assert archive.remove_newest_surplus(client, {(TOPICS.events["web"], 3): 99}, 99, placement) in range(1, 9)
    ids = [str(row[0]) for row in client.query("SELECT event_id FROM events").result_rows]
    archive.remove_surplus(client, ids, placement)
    assert answers(writer) == before


def test_a_rebuild_on_shards_gives_equal_answers_also_after_one_that_was_stopped(both: Both, writer: Writer) -> None:
    records = log_of(2)
    project(writer, records)
    before = answers(writer)
    writer.client.command("DELETE FROM events_local WHERE cityHash64(event_id) % 3 = 0")
    writer.client.command("ALTER TABLE order_states_local DELETE WHERE 1 SETTINGS mutations_sync = 1")
    assert answers(writer) != before
    with pytest.raises(KeyboardInterrupt):
        _rebuild(both, records, stop_after=3)
    _rebuild(both, records)
    assert answers(writer) == before
    left = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%\\_\\_%'"
    assert writer.client.query(left).result_rows == []


def test_erased_people_leave_every_shard(both: Both) -> None:
    both.fill(shop(3, people=12, events=300, orders=60))
    cookie, slices = next((of, many) for of, many in _slices(shop(3, people=12, events=300, orders=60)).items() if many)
    user = slices[0][1]
    job = {
        "rows": [[user, "user_id", "u", None, None], [f"{cookie}/0", "anonymous_id", "a", *slices[0][0]]],
        "request": {"mode": "suppress", "at": 0},
        "profile_id": user,
        "others": [],
        "numbers": {"vip": 100},
        "erased_at": 1 << 42,
        "evidence": 1 << 40,
    }
    reports = [
        Expunge(writer.client, placement).run(job)
        for writer, placement in ((both.plain, Placement()), (both.sharded, Placement.of(both.settings)))
    ]
    assert reports[0] == reports[1]
    for name in ("events", "order_states FINAL", "identity_slices FINAL", "identity_candidates FINAL"):
        both.rows(f"SELECT * FROM {name}")  # noqa: S608
    gone = both.rows("SELECT count() FROM events WHERE seed = {user:UUID}", user=user)
    assert gone == ["(0,)"]


class Memory:
    """A log in memory, as a rebuild reads it; no projector works."""

    def __init__(self, records: Sequence[Log], stop_after: int | None) -> None:
        self._records = records
        self._left = stop_after

    def partitions(self, topics: Iterable[str]) -> list[tuple[str, int]]:
        return [(topic, partition) for topic in sorted(topics) for partition in range(2)]

    def starts(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return dict.fromkeys(places, 0)

    def ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return {place: sum((each.topic, each.partition) == place for each in self._records) for place in places}

    def committed(self, _: str) -> tuple[dict[tuple[str, int], int], bool]:
        return self.ends(self.partitions({each.topic for each in self._records})), False

    def read(self, starts: dict[tuple[str, int], int], ends: dict[tuple[str, int], int]) -> Iterator[list[Log]]:
        for each in self._records:
            place = (each.topic, each.partition)
            if place in ends and starts[place] <= each.offset < ends[place]:
                if self._left is not None:
                    self._left -= 1
                    if self._left < 0:
                        raise KeyboardInterrupt
                yield [each]


def _rebuild(both: Both, records: Sequence[Log], stop_after: int | None = None) -> None:
    settings = both.settings.model_copy(update={"projector_batch": 2 if stop_after else 30})
    known: dict[str, Projection] = projections(settings.topics)
    for group in groups_of(known).values():
        log: Any = Memory(records, stop_after)
        Rebuild(settings, both.sharded.client, log, group, lambda *_: None).run()


def _slices(made: Shop) -> dict[str, list[tuple[tuple[int | None, int | None], str]]]:
    """Return each seed's slices, as (start, end) in ms and owner."""
    return {
        of: [
            ((None if number == 0 else start, many[number + 1][0] if number + 1 < len(many) else None), owner)
            for number, (start, owner) in enumerate(many)
        ]
        for of, many in made.slices.items()
        if any(each["seed"] == of for each in made.events)
    }
