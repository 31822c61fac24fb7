"""Bringing ClickHouse's tables up to date before anything needs them: `kith migrate`, and a step of `kith up`.

`python -m deploy.local.tables` is that step, a process of its own so that the supervisor stays small.
"""

import sys
from collections import defaultdict
from typing import Any

import structlog
from clickhouse_connect.driver.exceptions import Error

from projections import migrate
from projections.access import Access
from projections.clickhouse import connect
from projections.dictionary import relations
from projections.drift import COLUMNS, NAMES, Lack, lacks
from projections.placement import Placement
from schemas.errors import KithError
from schemas.logging import configure
from schemas.settings import Settings

# ClickHouse's codes for a cluster that is not there, or has nobody to tell its nodes what to do.
_NO_CLUSTER = frozenset(
    {
        225,  # NO_ZOOKEEPER
        392,  # QUERY_IS_PROHIBITED
        701,  # CLUSTER_DOESNT_EXIST
    }
)


def bring_up_to_date(settings: Settings, dry_run: bool = False, again: bool = False) -> list[migrate.Migration]:
    """Return the migrations that were applied, or with `dry_run` those that would be; with `again` all are.

    Raises `KithError` when ClickHouse does not answer, refuses the password, or knows later migrations than this Kith.
    """
    placement = Placement.of(settings)
    try:
        server = connect(settings, None)
        try:
            if dry_run and not migrate.has_database(server, placement):
                return migrate.load()
            if not dry_run:
                migrate.create_database(server, placement, again)
        finally:
            server.close()
        client = connect(settings, settings.clickhouse_database)
        try:
            return migrate.migrate(client, placement, dry_run, Access.of(settings), again)
        finally:
            client.close()
    except (Error, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        if getattr(error, "code", None) in _NO_CLUSTER:
            raise KithError(
                f"ClickHouse at {settings.clickhouse} knows no cluster {placement.cluster} ({reason}): give it the "
                "cluster and a Keeper (docs/clusters.md), or unset KITH_CLICKHOUSE_CLUSTER. The local one has neither."
            ) from error
        raise KithError(
            f"ClickHouse at {settings.clickhouse} does not do as asked ({reason}): start the stack with `kith up`, or "
            "correct KITH_CLICKHOUSE_URL, KITH_CLICKHOUSE_USER and KITH_CLICKHOUSE_PASSWORD."
        ) from error


def mend(settings: Settings) -> list[Lack]:
    """Give the tables back what somebody took from them by hand, empty, and return what that was.

    Raises `KithError` when ClickHouse does not do as asked.
    """
    placement = Placement.of(settings)
    try:
        client = connect(settings, settings.clickhouse_database)
        try:
            lacking = _lacks(client)
            if any(not each.column for each in lacking):
                migrate.migrate(client, placement, access=Access.of(settings), again=True)
            for each in _lacks(client):
                for statement in migrate.render(each.statement, placement):
                    client.command(statement)
            return lacking
        finally:
            client.close()
    except (Error, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise KithError(f"ClickHouse's tables were changed, and cannot be mended: {reason}") from error


def _lacks(client: Any) -> list[Lack]:
    columns: dict[str, set[str]] = defaultdict(set)
    for table, name in client.query(COLUMNS).result_rows:
        columns[table].add(name)
    names = {name for (name,) in client.query(NAMES).result_rows}
    return lacks(relations(), names, columns)


def lost(lack: Lack) -> str:
    """Return a sentence about something that was missing and is back."""
    return f"{lack} was gone and is back. What it held comes back with `kith rebuild`."


def script(settings: Settings) -> str:
    """Return what an empty server is given, as a script for ClickHouse's client; passwords are hidden."""
    placement = Placement.of(settings)
    lines = [f"{each}\n" if each.startswith("--") else f"{each};\n" for each in migrate.all_statements(placement)]
    use = f"USE `{placement.database}`;\n"
    return "\n".join([lines[0], use, *lines[1:]])


def main() -> int:
    """Apply what is missing; return the exit code."""
    settings = Settings()
    configure("migrate", settings.log_level)
    log = structlog.get_logger("migrate")
    try:
        for migration in bring_up_to_date(settings):
            log.info("applied", version=migration.version, name=migration.name)
        for lack in mend(settings):
            log.warning(lost(lack))
    except KithError as error:
        log.error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
