"""The tables and views of ClickHouse, as numbered SQL files that are applied once and in order.

A file is `NNNN_name.sql`; its statements end with a semicolon at the end of a line and can be run again, so that a file
that was cut off halfway is simply applied again. The same text serves one node, a cluster and a sharded cluster:
`${on_cluster}`, `${replicated}` and `${deduplication_window}` are filled in by `render`, which also makes two tables of
a sharded one; so is `${database}`, to be put before a parameterised view that another view calls: ClickHouse looks for
it in the database of whoever asks. What was applied stands in the table `migrations`, with a checksum: an applied file
never changes, a change is a new file. A statement with `${access}`, Kith's own user and password, is run at every
`migrate`, so that a new password is taken up.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, Protocol

from clickhouse_connect.driver.exceptions import OperationalError

from projections import sharding
from projections.access import Access
from projections.placement import ONE_NODE, Placement
from schemas.errors import KithError

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
# Statements that can lose data; a file that has one says why it may: a line `-- dangerous: <reason>`.
_DANGEROUS = re.compile(
    r"\b(DROP\s+(TABLE|VIEW|COLUMN|DATABASE|PARTITION|PROJECTION)|TRUNCATE|DELETE\s+FROM|ALTER\s+TABLE.*\b(DELETE|UPDATE|"
    r"MODIFY\s+COLUMN|RENAME\s+COLUMN|CLEAR)\b|RENAME\s+TABLE|EXCHANGE\s+TABLES|OR\s+REPLACE\s+TABLE)",
    re.IGNORECASE | re.DOTALL,
)
_REASON = re.compile(r"^--\s*dangerous:\s*\S", re.MULTILINE)
_CREATED = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
_REPLICATED = re.compile(r"^ENGINE = (Replicated\w*MergeTree)(?:\(([^()]*)\))?", re.MULTILINE)
_LAYOUT = "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'events'"
_STATUS_TABLE = """\
CREATE TABLE IF NOT EXISTS migrations ${on_cluster}
(
    version UInt32 COMMENT 'Number of the file',
    name String COMMENT 'Name of the file',
    checksum String COMMENT 'SHA-256 of the file',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was applied'
)
ENGINE = ${replicated}MergeTree
ORDER BY version
COMMENT 'Migrations that were applied to this database'"""


class Database(Protocol):
    """What a migration needs of ClickHouse; clickhouse-connect's client has it."""

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> Any:
        """Run one statement."""

    def query(self, query: str) -> Any:
        """Run one query; the answer's `result_rows` are its rows."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its text and the text's SHA-256."""

    version: int
    name: str
    text: str
    checksum: str


def load(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of a folder, in order.

    Raises `KithError` when a file's name or numbering is wrong, or when it can lose data and does not say why.
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise KithError(f"{path.name} is no migration: name it NNNN_what_it_does.sql.")
        text = path.read_text(encoding="utf-8")
        if _DANGEROUS.search(_without_comments(text)) and not _REASON.search(text):
            raise KithError(f"{path.name} can lose data: add a line `-- dangerous: <why it may>`, or do without.")
        found.append(Migration(int(match[1]), match[2], text, sha256(text.encode()).hexdigest()))
    for place, migration in enumerate(found, start=1):
        if migration.version != place:
            raise KithError(f"Migration {place:04d} is missing, or {migration.version:04d} is there twice.")
    return found


def render(text: str, placement: Placement = ONE_NODE, access: Access | None = None) -> list[str]:
    """Return the statements of a migration, for one node, a cluster or a sharded cluster.

    Without `access` they are to be read and not to be run: the password is hidden.
    """
    found = [_filled(statement, placement, access or Access()) for statement in _statements(text)]
    if not placement.sharded:
        return found
    return [each for statement in found for each in sharding.statements(_in_keeper(statement, placement), placement)]


def _statements(text: str) -> list[str]:
    return [statement for part in re.split(r";[ \t]*(?:\n|$)", text) if (statement := _without_comments(part).strip())]


def _filled(statement: str, placement: Placement, access: Access) -> str:
    return Template(statement).substitute(
        on_cluster=placement.on_cluster.strip(),
        replicated="Replicated" if placement.cluster else "",
        deduplication_window=("replicated" if placement.cluster else "non_replicated") + "_deduplication_window",
        access=access.clause,
        database=placement.database,
    )


def all_statements(placement: Placement) -> Iterator[str]:
    """Yield everything that an empty server is given, in order: what `migrate` runs, to be read before it does."""
    yield _database(placement)
    yield from render(_STATUS_TABLE, placement)
    for migration in load():
        yield f"-- {migration.version:04d} {migration.name}"
        yield from render(migration.text, placement)


def pending(available: Sequence[Migration], applied: dict[int, str]) -> list[Migration]:
    """Return the migrations that are still to be applied; `applied` is checksum by version.

    Raises `KithError` when an applied file has changed since, or when the database knows a later one.
    """
    for migration in available:
        checksum = applied.get(migration.version, migration.checksum)
        if checksum != migration.checksum:
            raise KithError(
                f"Migration {migration.version:04d}_{migration.name} was applied with another text. An applied file "
                f"stays as it is: take the change back and put it into a new file."
            )
    unknown = sorted(set(applied) - {migration.version for migration in available})
    if unknown:
        raise KithError(
            f"The database has migration {unknown[-1]:04d}, which this version of Kith does not know. "
            f"Run the newer version, or give this one a database of its own (KITH_CLICKHOUSE_DATABASE)."
        )
    return [migration for migration in available if migration.version not in applied]


def migrate(
    database: Database,
    placement: Placement = ONE_NODE,
    dry_run: bool = False,
    access: Access | None = None,
    again: bool = False,
) -> list[Migration]:
    """Bring `database` to the newest version and return what was applied; with `dry_run`, what would be.

    `access` is for what ClickHouse reads by itself later. With `again` every statement is run, so that nodes that have
    joined the cluster get what they lack.

    Raises `KithError` when its tables are laid out otherwise than `placement` says.
    """
    if dry_run and not _has_status_table(database):
        return pending(load(), {})
    _check_layout(database, placement)
    # Asking first: what runs ON CLUSTER waits for every node, and a process must start while one is down.
    if not _has_status_table(database):
        for statement in render(_STATUS_TABLE, placement):
            database.command(statement)
    missing = pending(load(), _applied(database))
    if dry_run:
        return missing
    for migration in load():
        if again or migration in missing:
            _run(database, migration, render(migration.text, placement, access))
        else:
            _sign_in_again(database, migration, placement, access)
        if migration in missing:
            _note(database, migration)
    return load() if again else missing


def create_database(server: Database, placement: Placement, again: bool = False) -> None:
    """Create the database unless it is there, on new nodes too with `again`. Its name was checked by the settings."""
    if again or not has_database(server, placement):
        server.command(_database(placement))


def has_database(server: Database, placement: Placement) -> bool:
    """Tell whether the database is there."""
    return bool(server.query(f"EXISTS DATABASE `{placement.database}`").result_rows[0][0])


def _database(placement: Placement) -> str:
    return f"CREATE DATABASE IF NOT EXISTS `{placement.database}`{placement.on_cluster}"


def _in_keeper(statement: str, placement: Placement) -> str:
    """Return the statement with the path of the table's replicas, where it creates a table that has some."""
    created = _CREATED.match(statement)
    if created is None:
        return statement
    place = placement.replicated(created[1])

    def engine(match: re.Match[str]) -> str:
        return f"ENGINE = {match[1]}({', '.join(filter(None, (place, match[2])))})"

    return _REPLICATED.sub(engine, statement)


def _check_layout(database: Database, placement: Placement) -> None:
    rows = database.query(_LAYOUT).result_rows
    if rows and rows[0][0] != placement.engine:
        raise KithError(
            f"The table events is {rows[0][0]}, but KITH_CLICKHOUSE_CLUSTER and KITH_CLICKHOUSE_SHARDED ask for "
            f"{placement.engine}. Tables stay as they were made: set these back, or name another database "
            "(KITH_CLICKHOUSE_DATABASE) and fill it with `kith rebuild`."
        )


def _sign_in_again(database: Database, migration: Migration, placement: Placement, access: Access | None) -> None:
    if "${access}" in migration.text:
        signed = [statement for statement in _statements(migration.text) if "${access}" in statement]
        _run(database, migration, render(";\n".join(signed), placement, access))


def _run(database: Database, migration: Migration, statements: Iterable[str]) -> None:
    for statement in statements:
        try:
            database.command(statement)
        except OperationalError:
            # ClickHouse went away: whoever waits for it comes again.
            raise
        except Exception as error:
            first = statement.partition("\n")[0]
            raise KithError(
                f"Migration {migration.version:04d}_{migration.name} failed at `{first}`: {error}"
            ) from error


def _note(database: Database, migration: Migration) -> None:
    database.command(
        "INSERT INTO migrations (version, name, checksum) SELECT {version:UInt32}, {name:String}, {checksum:String}",
        parameters={"version": migration.version, "name": migration.name, "checksum": migration.checksum},
    )


def _has_status_table(database: Database) -> bool:
    return bool(database.query("EXISTS TABLE migrations").result_rows[0][0])


def _applied(database: Database) -> dict[int, str]:
    # Two processes may have applied the same file at the same moment; both wrote the same.
    return dict(database.query("SELECT DISTINCT version, checksum FROM migrations ORDER BY version").result_rows)


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*--.*$", "", text, flags=re.MULTILINE)
