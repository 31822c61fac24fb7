from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from pydantic import SecretStr

from projections import migrate
from projections.access import Access
from projections.owners import SETTLED, UNSETTLED
from projections.placement import ONE_NODE, SHARDED, Placement
from schemas.errors import KithError


class Database:
    """Keeps which statements ran, and the status table."""

    def __init__(self, fail: Callable[[str], bool] = lambda _: False) -> None:
        self.ran: list[str] = []
        self.applied: dict[int, str] = {}
        self.exists = False
        self.engine: str | None = None
        self._fail = fail

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> None:
        if self._fail(cmd):
            raise RuntimeError("no")
        self.ran.append(cmd)
        self.exists = self.exists or "migrations" in cmd
        if parameters:
            self.applied[parameters["version"]] = parameters["checksum"]

    def query(self, query: str) -> Any:
        if query.startswith("EXISTS"):
            return SimpleNamespace(result_rows=[(int(self.exists),)])
        if "system.tables" in query:
            return SimpleNamespace(result_rows=[(self.engine,)] if self.engine else [])
        return SimpleNamespace(result_rows=list(self.applied.items()))


ALL = migrate.load()
REPLICAS, SHARDS = Placement("shops"), Placement("shops", sharded=True, database="kith")
ON_ONE_NODE, ON_REPLICAS, ON_SHARDS = (
    [statement for migration in ALL for statement in migrate.render(migration.text, placement)]
    for placement in (ONE_NODE, REPLICAS, SHARDS)
)


def head(statement: str) -> str:
    """A statement's first words, up to the name that it is about, without the cluster."""
    return " ".join(statement.partition("\n")[0].replace("ON CLUSTER `shops`", "").split())


def test_everything_is_applied_once_and_in_order() -> None:
    database = Database()
    assert migrate.migrate(database) == ALL
    assert list(database.applied) == list(range(1, len(ALL) + 1))
    ran = len(database.ran)
    assert migrate.migrate(database, access=Access("kith", SecretStr("it's new"))) == []
    migrate.create_database(database, ONE_NODE)
    # Nothing but what signs in to ClickHouse: it does so with the password of today.
    again = database.ran[ran:]
    assert [each.split()[3:5] for each in again] == [["DICTIONARY", each] for each in (SETTLED, UNSETTLED)]
    assert all(r"USER 'kith' PASSWORD 'it\'s new'" in each for each in again)


def test_a_dry_run_changes_nothing() -> None:
    database = Database()
    assert migrate.migrate(database, dry_run=True) == ALL
    assert not database.ran
    migrate.migrate(database)
    assert migrate.migrate(database, dry_run=True) == []


def test_a_migration_that_was_cut_off_is_applied_again() -> None:
    broken = Database(lambda statement: "VIEW IF NOT EXISTS identity" in statement)
    with pytest.raises(KithError, match="0002_identity failed at `CREATE VIEW"):
        migrate.migrate(broken)
    assert list(broken.applied) == [1]
    broken._fail = lambda _: False
    assert [migration.version for migration in migrate.migrate(broken)] == [each.version for each in ALL[1:]]


def test_clickhouse_that_goes_away_is_no_fault_of_a_migration() -> None:
    class Away(Database):
        def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> None:
            if "VIEW IF NOT EXISTS identity" in cmd:
                raise OperationalError("connection refused")
            super().command(cmd, parameters)

    with pytest.raises(OperationalError):
        migrate.migrate(Away())


def test_an_applied_file_may_not_change() -> None:
    with pytest.raises(KithError, match="put it into a new file"):
        migrate.pending(ALL, {1: "another"})


def test_a_newer_database_is_refused() -> None:
    with pytest.raises(KithError, match="0999, which this version of Kith does not know"):
        migrate.pending(ALL, {999: "x"})


@pytest.mark.parametrize("statement", ON_ONE_NODE)
def test_on_one_node_nothing_is_replicated(statement: str) -> None:
    for word in ("Replicated", "Distributed", "ON CLUSTER", "_local", "$"):
        assert word not in statement


@pytest.mark.parametrize("statement", [*ON_REPLICAS, *ON_SHARDS])
def test_on_a_cluster_every_statement_runs_on_all_of_it(statement: str) -> None:
    assert "ON CLUSTER `shops`" in statement.partition("\n")[0]
    assert "$" not in statement
    if "MergeTree" in statement:
        assert "ENGINE = Replicated" in statement
        assert " replicated_deduplication_window" in statement
        assert "non_replicated" not in statement


def test_replicas_of_everything_have_what_one_node_has() -> None:
    assert [head(statement) for statement in ON_REPLICAS] == [head(statement) for statement in ON_ONE_NODE]
    assert not any("Distributed" in statement for statement in ON_REPLICAS)


def test_sharded_a_statement_about_a_table_that_is_not_sharded_differs_in_its_place_in_keeper_alone() -> None:
    about_others = [each for each in ON_REPLICAS if not SHARDED & set(head(each).split())]
    assert len(about_others) < len(ON_REPLICAS)
    places = (
        "'/clickhouse/tables/{uuid}', '{shard}-{replica}', ",
        "('/clickhouse/tables/{uuid}', '{shard}-{replica}')",
    )
    rendered = [each.replace(places[0], "").replace(places[1], "") for each in ON_SHARDS]
    assert [each for each in rendered if each in about_others] == about_others


def test_each_sharded_table_has_one_table_over_its_shards() -> None:
    for table in SHARDED:
        named = f"CREATE TABLE IF NOT EXISTS {table}"
        [local] = [each for each in ON_SHARDS if head(each) == f"{named}_local"]
        [over] = [each for each in ON_SHARDS if head(each) == named]
        assert f"ENGINE = Distributed('shops', 'kith', '{table}_local', sipHash64(seed))" in over
        assert "'/clickhouse/tables/{uuid}/{shard}', '{replica}'" in local
        for word in ("PROJECTION", "CODEC", "SETTINGS", "ORDER BY"):
            assert word not in over
        assert ON_SHARDS.index(local) < ON_SHARDS.index(over)
    assert sum("ENGINE = Distributed" in each for each in ON_SHARDS) == len(SHARDED)


def test_tables_laid_out_otherwise_are_refused() -> None:
    database = Database()
    migrate.migrate(database)
    for engine, placement in (("MergeTree", SHARDS), ("ReplicatedMergeTree", ONE_NODE), ("Distributed", REPLICAS)):
        database.engine = engine
        for dry_run in (True, False):
            with pytest.raises(KithError, match=f"events is {engine}, but"):
                migrate.migrate(database, placement, dry_run)
    for engine, placement in (("MergeTree", ONE_NODE), ("ReplicatedMergeTree", REPLICAS), ("Distributed", SHARDS)):
        database.engine = engine
        assert migrate.migrate(database, placement) == []


def test_run_again_for_new_nodes_everything_is_run_and_nothing_noted_twice() -> None:
    database = Database()
    migrate.create_database(database, SHARDS)
    migrate.migrate(database, SHARDS)
    first, database.ran = database.ran, []
    database.engine = "Distributed"
    migrate.create_database(database, SHARDS, again=True)
    assert migrate.migrate(database, SHARDS, again=True) == ALL
    assert database.ran == [
        each
        for each in first
        if not each.startswith(("INSERT INTO migrations", "CREATE TABLE IF NOT EXISTS migrations"))
    ]


@pytest.mark.parametrize("placement", [ONE_NODE, REPLICAS, SHARDS])
def test_what_can_be_read_before_is_what_is_run(placement: Placement) -> None:
    database = Database()
    migrate.create_database(database, placement)
    migrate.migrate(database, placement)
    ran = [statement for statement in database.ran if not statement.startswith("INSERT INTO migrations")]
    assert [each for each in migrate.all_statements(placement) if not each.startswith("--")] == ran


@pytest.mark.parametrize("statement", [*ON_ONE_NODE, *ON_SHARDS])
def test_every_statement_can_be_run_again(statement: str) -> None:
    repeatable = (
        "MODIFY TTL",
        "ADD PROJECTION IF NOT EXISTS",
        "MATERIALIZE PROJECTION",
        "ADD INDEX IF NOT EXISTS",
        "MATERIALIZE INDEX",
    )
    altered = statement.startswith("ALTER TABLE ") and any(change in statement for change in repeatable)
    created = (
        "CREATE TABLE IF NOT EXISTS ",
        "CREATE VIEW IF NOT EXISTS ",
        "CREATE OR REPLACE VIEW ",
        "CREATE OR REPLACE DICTIONARY ",
        "DROP VIEW IF EXISTS ",
    )
    assert altered or statement.startswith(created)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE events",
        "ALTER TABLE events\n  DROP COLUMN raw",
        "truncate table events",
        "DELETE FROM events WHERE 1",
    ],
)
def test_what_can_lose_data_says_why_it_may(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "0001_x.sql"
    path.write_text(f"{statement};\n")
    with pytest.raises(KithError, match="can lose data"):
        migrate.load(tmp_path)
    path.write_text(f"-- dangerous: nobody reads it\n{statement};\n")
    assert len(migrate.load(tmp_path)) == 1


def test_numbers_have_no_gaps_and_names_say_what(tmp_path: Path) -> None:
    (tmp_path / "0002_x.sql").write_text("SELECT 1;\n")
    with pytest.raises(KithError, match="0001 is missing"):
        migrate.load(tmp_path)
    (tmp_path / "x.sql").write_text("SELECT 1;\n")
    with pytest.raises(KithError, match="no migration"):
        migrate.load(tmp_path)


def test_comments_are_not_statements() -> None:
    assert migrate.render("-- one;\nSELECT 1;\n-- two\nSELECT ';' ;\n") == ["SELECT 1", "SELECT ';'"]
