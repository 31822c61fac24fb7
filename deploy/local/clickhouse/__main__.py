"""Run ClickHouse's HTTP interface over chDB: `python -m deploy.local.clickhouse`, settings from `KITH_*`."""

import os
import signal
import sys
import threading

# Read by the engine when it is loaded: without it the server's time zone is that of the machine.
os.environ.setdefault("TZ", "UTC")

import structlog

from deploy.local.clickhouse.engine import Engine
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.handler import Handler
from deploy.local.clickhouse.server import Server
from deploy.local.clickhouse.users import Users
from schemas.errors import KithError
from schemas.logging import configure
from schemas.serving import PORT_FILE_VARIABLE, announce, bind
from schemas.settings import Settings


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the process's exit code."""
    settings = Settings()
    if PORT_FILE_VARIABLE in os.environ:
        os.environ[PORT_FILE_VARIABLE] = os.path.abspath(os.environ[PORT_FILE_VARIABLE])
    configure("clickhouse", settings.log_level)
    log = structlog.get_logger(__name__)
    try:
        engine = Engine(
            settings.data_dir / "clickhouse",
            settings.clickhouse_max_seconds,
            _memory(settings),
            settings.clickhouse_user,
            settings.clickhouse_password.get_secret_value(),
        )
    except ClickHouseError as error:
        print(f"ClickHouse cannot use {settings.data_dir / 'clickhouse'}: {error.text}", file=sys.stderr)
        return 1
    # Relative names of files mean this folder, as on a server. (chDB takes an unknown table of `default` for a file.)
    os.chdir(engine.files)
    users = Users(
        settings.clickhouse_user,
        settings.clickhouse_password.get_secret_value(),
        settings.analyst_password.get_secret_value(),
        settings.transformer_password.get_secret_value(),
    )
    try:
        listener = bind(settings.host, settings.clickhouse_port)
    except KithError as error:
        print(error, file=sys.stderr)
        return 1
    server = Server(Handler(engine, users), listener)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    threading.Thread(target=server.serve, daemon=True).start()
    announce(server.port)
    log.info("clickhouse.listening", port=server.port, version=engine.version)
    over.wait()
    server.stop()
    engine.close()
    log.info("clickhouse.stopped")
    return 0


def _memory(settings: Settings) -> int:
    """Return the memory limit of one query in bytes: the setting's, else half of the machine's."""
    return settings.clickhouse_max_memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


if __name__ == "__main__":
    sys.exit(main())
