"""The tables and views of ClickHouse, as numbered SQL files that are applied once and in order.

A file is `NNNN_name.sql`; its statements end with a semicolon at the end of a line and can be run again, so that a file
that was cut off halfway is simply applied again. The same text serves one node and a cluster: `${on_cluster}`,
`${replicated}` and `${deduplication_window}` are filled in by `render`. What was applied stands in the table
`migrations`, with a checksum: an applied file never changes, a change is a new file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, Protocol

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


def render(text: str, cluster: str | None = None) -> list[str]:
    """Return the statements of a migration, for one node or for a cluster."""
    filled = Template(text).substitute(
        on_cluster=f"ON CLUSTER `{cluster}`" if cluster else "",
        replicated="Replicated" if cluster else "",
        deduplication_window=("replicated" if cluster else "non_replicated") + "_deduplication_window",
    )
    return [
        statement for part in re.split(r";[ \t]*(?:\n|$)", filled) if (statement := _without_comments(part).strip())
    ]


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


def migrate(database: Database, cluster: str | None = None, dry_run: bool = False) -> list[Migration]:
    """Bring `database` to the newest version and return what was applied; with `dry_run`, what would be."""
    if dry_run and not _has_status_table(database):
        return pending(load(), {})
    if not dry_run:
        database.command(render(_STATUS_TABLE, cluster)[0])
    missing = pending(load(), _applied(database))
    if not dry_run:
        for migration in missing:
            _apply(database, migration, cluster)
    return missing


def create_database(server: Database, name: str, cluster: str | None = None) -> None:
    """Create the database unless it is there. `name` is an identifier, checked by the settings."""
    server.command(f"CREATE DATABASE IF NOT EXISTS `{name}`" + (f" ON CLUSTER `{cluster}`" if cluster else ""))


def _apply(database: Database, migration: Migration, cluster: str | None) -> None:
    for statement in render(migration.text, cluster):
        try:
            database.command(statement)
        except Exception as error:
            first = statement.partition("\n")[0]
            raise KithError(
                f"Migration {migration.version:04d}_{migration.name} failed at `{first}`: {error}"
            ) from error
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
