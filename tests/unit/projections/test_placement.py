import re
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from processors.expunge import Expunge
from projections import archive, tables
from projections.batch import blocks_of
from projections.placement import ONE_NODE, SHARDED, Placement
from projections.settle import settle
from projections.shadows import Note, Shadows
from projections.tables import DECISIONS, EVENTS, IDENTITY_SLICES, ORDER_STATES
from schemas.settings import Settings
from tests.unit.projections.records import event_record
from tests.unit.projections.test_archive import KNOWN

REPLICAS, SHARDS = Placement("shops"), Placement("shops", sharded=True, database="kith")
EVERYWHERE = [ONE_NODE, REPLICAS, SHARDS]
_NAME = re.compile(r"\b(?:events|identity_slices)\w*")


class Editor:
    """Answers every query with the rows that are given for it, and keeps what it is told to do."""

    def __init__(self, **rows: list[tuple[Any, ...]]) -> None:
        self.asked: list[str] = []
        self.told: list[str] = []
        self.inserted: list[str] = []
        self._rows = rows

    def query(self, query: str, parameters: Any = None, settings: Any = None, *, external_data: Any = None) -> Any:
        self.asked.append(query)
        found = [rows for word, rows in self._rows.items() if word in query]
        return SimpleNamespace(result_rows=found[0] if found else [])

    def command(self, cmd: str, parameters: Any = None, settings: Any = None) -> None:
        self.told.append(cmd)

    def insert(self, table: str, *_: Any, **__: Any) -> None:
        self.inserted.append(table)


def test_the_settings_say_where_tables_lie() -> None:
    assert Placement.of(Settings()) == ONE_NODE
    settings = Settings(clickhouse_cluster="shops", clickhouse_sharded=True, clickhouse_database="kith")
    assert Placement.of(settings) == SHARDS
    with pytest.raises(ValidationError, match="set KITH_CLICKHOUSE_CLUSTER"):
        Settings(clickhouse_sharded=True)


def test_what_is_sharded_has_a_seed_to_be_sharded_by() -> None:
    known = {each.name: each for each in vars(tables).values() if isinstance(each, tables.Table)}
    assert all(("seed", tables.UUID_) in known[name].columns for name in SHARDED)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_one_name_is_read_and_another_changed_only_where_rows_are_sharded(placement: Placement) -> None:
    for name in (EVENTS.name, ORDER_STATES.name, "events__shadow", DECISIONS.name, "decisions__shadow"):
        sharded = placement is SHARDS and name.partition("__")[0] in SHARDED
        assert placement.is_sharded(name) == sharded
        assert placement.local(name) == name + "_local" * sharded
        assert placement.deletable(name) == (f"{name}_local ON CLUSTER `shops`" if sharded else name)


def test_connections_to_one_node_need_no_settings_and_inserts_wait_for_every_shard() -> None:
    assert not ONE_NODE.session
    assert set(REPLICAS.session) < set(SHARDS.session)
    assert SHARDS.session["distributed_foreground_insert"] == 1


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_surplus_rows_are_deleted_where_they_lie(placement: Placement) -> None:
    editor = Editor(HAVING=[("id",)], groupArray=[("id", [("t", 0, 5), ("t", 1, 2)])])
    assert archive.remove_surplus(editor, ["id"], placement) == 1
    assert archive.remove_newest_surplus(editor, {("t", 0): 9}, 5, placement) == 1
    assert [_target(each) for each in editor.told] == [placement.deletable("events")] * 2
    assert all(" FROM events " in each for each in editor.asked)


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_a_rebuild_settles_copies_where_they_lie(placement: Placement) -> None:
    record = event_record("m", 7)
    [block], _ = blocks_of([record], KNOWN)
    block.table = tables.Table("events__shadow", EVENTS.columns)
    row = block.rows[0]
    editor = Editor(__shadow=[], offset=[(row[0], record.topic, record.partition, record.offset)])
    settle(editor, block, block.without(lambda _: True), "events", placement)
    assert [_target(each) for each in editor.told] == [placement.deletable("events__shadow")]


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_erased_people_leave_the_tables_that_hold_rows(placement: Placement) -> None:
    editor = Editor(count=[(3,)])
    expunge: Any = Expunge(editor, placement)  # type: ignore[arg-type]
    for name in (EVENTS.name, ORDER_STATES.name, IDENTITY_SLICES.name):
        expunge._delete(name, "1", {})
        assert editor.asked[-1].endswith(f" FROM {name} WHERE 1")
        assert editor.told[-1] == f"ALTER TABLE {placement.deletable(name)} DELETE WHERE 1"


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_a_rebuild_mirrors_and_exchanges_the_tables_that_hold_rows(placement: Placement) -> None:
    ids = [
        (name, uuid, "")
        for table in ("events", "identity_slices")
        for name, uuid in ((placement.local(table), "live"), (placement.local(f"{table}__shadow"), "shadow"))
    ]
    editor = Editor(toString=ids, groupArray=[([],)])
    shadows = Shadows(editor, [IDENTITY_SLICES, EVENTS], placement)
    shadows.create()
    shadows.mirror({("t", 0): 1})
    shadows.swap({"events": Note({}, "shadow"), "identity_slices": Note({}, "shadow")})
    shadows.remove()
    assert all(placement.on_cluster in statement for statement in editor.told)
    moved = [each for each in editor.told if not each.startswith(("CREATE TABLE", "DROP"))]
    changed = {name for each in moved for name in _NAME.findall(each) if not name.endswith("__mirror")}
    assert changed == {
        placement.local(name) for name in ("events", "events__shadow", "identity_slices", "identity_slices__shadow")
    }
    created = [each for each in editor.told if each.startswith("CREATE TABLE")]
    over = [each for each in created if "Distributed" in each]
    assert len(created) == 2 + len(over)
    assert [each.split("EXISTS ")[1].split(" ")[0] for each in over] == ["events__shadow"] * placement.sharded
    made = {each.split("EXISTS ")[1].split(" ")[0] for each in editor.told if each.startswith("CREATE")}
    gone = {each.split("EXISTS ")[1].split(" ")[0] for each in editor.told if each.startswith("DROP")}
    assert made == gone


def _target(deletion: str) -> str:
    return deletion.removeprefix("DELETE FROM ").partition(" WHERE")[0]
