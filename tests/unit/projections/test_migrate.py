from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from projections import migrate
from schemas.errors import KithError


class Database:
    """Keeps which statements ran, and the status table."""

    def __init__(self, fail: Callable[[str], bool] = lambda _: False) -> None:
        self.ran: list[str] = []
        self.applied: dict[int, str] = {}
        self.exists = False
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
        return SimpleNamespace(result_rows=list(self.applied.items()))


ALL = migrate.load()
ONE_NODE = [statement for migration in ALL for statement in migrate.render(migration.text)]
CLUSTER = [statement for migration in ALL for statement in migrate.render(migration.text, "shops")]


def test_everything_is_applied_once_and_in_order() -> None:
    database = Database()
    assert migrate.migrate(database) == ALL
    assert list(database.applied) == list(range(1, len(ALL) + 1))
    ran = len(database.ran)
    assert migrate.migrate(database) == []
    assert len(database.ran) == ran + 1


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


def test_an_applied_file_may_not_change() -> None:
    with pytest.raises(KithError, match="put it into a new file"):
        migrate.pending(ALL, {1: "another"})


def test_a_newer_database_is_refused() -> None:
    with pytest.raises(KithError, match="0999, which this version of Kith does not know"):
        migrate.pending(ALL, {999: "x"})


@pytest.mark.parametrize("statement", ONE_NODE)
def test_on_one_node_nothing_is_replicated(statement: str) -> None:
    assert "Replicated" not in statement
    assert "ON CLUSTER" not in statement
    assert "$" not in statement


@pytest.mark.parametrize("statement", CLUSTER)
def test_on_a_cluster_every_statement_runs_on_all_of_it(statement: str) -> None:
    assert "ON CLUSTER `shops`" in statement
    if "MergeTree" in statement:
        assert "ENGINE = Replicated" in statement
        assert " replicated_deduplication_window" in statement
        assert "non_replicated" not in statement


@pytest.mark.parametrize("statement", ONE_NODE)
def test_every_statement_can_be_run_again(statement: str) -> None:
    repeatable = ("MODIFY TTL", "ADD PROJECTION IF NOT EXISTS", "MATERIALIZE PROJECTION")
    altered = statement.startswith("ALTER TABLE ") and any(change in statement for change in repeatable)
    assert altered or statement.startswith(("CREATE TABLE IF NOT EXISTS ", "CREATE VIEW IF NOT EXISTS "))


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
