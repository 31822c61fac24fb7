"""The projector's connection to ClickHouse, with its tables brought to the newest version."""

from typing import Any

import clickhouse_connect
import structlog

from projections import migrate
from projections.access import Access
from projections.placement import Placement
from schemas.settings import Settings

log = structlog.get_logger(__name__)

# Long enough for a large insert on a busy server; a time-out is followed by the same insert under the same token.
_ANSWER_S = 60
_CONNECT_S = 5


def connect(settings: Settings, database: str | None) -> Any:
    """Return a client; `database` None is the server's default. Raises the driver's errors when ClickHouse is away."""
    return clickhouse_connect.get_client(
        dsn=settings.clickhouse,
        username=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
        database=database or "__default__",
        connect_timeout=_CONNECT_S,
        send_receive_timeout=_ANSWER_S,
        autogenerate_session_id=False,
        query_retries=0,
        compress=False,
        settings=dict(Placement.of(settings).session),
    )


def open_database(settings: Settings) -> Any:
    """Return a client of Kith's database, created and migrated as needed."""
    placement = Placement.of(settings)
    server = connect(settings, None)
    migrate.create_database(server, placement)
    server.close()
    client = connect(settings, settings.clickhouse_database)
    for migration in migrate.migrate(client, placement, access=Access.of(settings)):
        log.info("migrated", version=migration.version, name=migration.name)
    return client
