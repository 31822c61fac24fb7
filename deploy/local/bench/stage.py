"""Real processes for one bench: Kafka, ClickHouse and Kith's own, supervised as `kith up` does it, in a folder that
goes with them.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.bench.segments import SEGMENTS
from deploy.local.bench.wire import Connection, request
from deploy.local.caught_up import wait_until_caught_up
from deploy.local.credentials import Credentials, settle_credentials
from deploy.local.folder import DataFolder
from deploy.local.processes import ProcessSpec, migration, plan_services, plan_stores
from deploy.local.stack import check_machine, connect_stores, prepare_kafka, run_once
from deploy.local.supervisor import Supervisor
from schemas.codec import dumps
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.source import NO_SOURCES

HOST = "127.0.0.1"
# A stage whose readers have not caught up after this long has come to a halt.
_PATIENCE_S = 1800.0


class Stage:
    """The processes of one bench. `settings` reach the stores; `start` adds Kith's processes by name."""

    def __init__(
        self, settings: Settings, credentials: Credentials, folder: DataFolder, supervisor: Supervisor
    ) -> None:
        self.settings = settings
        self.credentials = credentials
        self.folder = folder
        self._supervisor = supervisor

    async def start(self, *names: str) -> None:
        """Start these of collector, worker-1, worker-2 …, projector and api, and return when they are ready."""
        workers = sum(name.startswith("worker-") for name in names)
        specs = plan_services(self.settings, self.credentials, self.folder, workers)
        await self._supervisor.start([spec for spec in specs if spec.name in names])

    async def run(self, spec: ProcessSpec) -> None:
        """Start a process of the bench's own, such as a baseline, and return when it is ready."""
        await self._supervisor.start([spec])

    def pid(self, name: str) -> int:
        """Return the process id of a running process."""
        pid = next(child.pid for child in self._supervisor.children if child.spec.name == name)
        if pid is None:
            raise KithError(f"{name} does not run: see {self.folder.log_file(name)}.")
        return pid

    def port(self, name: str) -> int:
        """Return the port of a process."""
        return next(child.port for child in self._supervisor.children if child.spec.name == name)

    async def caught_up(self) -> None:
        """Return when everything in the log has gone all the way. Raises `KithError` when it does not."""
        missing = await asyncio.to_thread(wait_until_caught_up, self.settings, _PATIENCE_S)
        if missing:
            raise KithError(f"The {missing[0]['stage']} does not catch up with {missing[0]['topic']}.")

    async def ask_api(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask the api once; return status and body."""
        connection = await Connection.open(HOST, self.port("api"))
        try:
            return await connection.ask(request(method, target, self.api_headers, body))
        finally:
            connection.close()

    @property
    def api_headers(self) -> dict[str, str]:
        """Return the headers with which the api answers."""
        return {"authorization": f"Bearer {self.credentials.api_token}", "content-type": "application/json"}

    async def define_segments(self) -> None:
        """Define the twenty segments and wait until they hold everywhere; api and worker run."""
        for definition in SEGMENTS:
            status, body = await self.ask_api("POST", "/v1/segments", dumps(definition))
            if status != 201:
                raise KithError(f"The api refuses segment {definition['id']}: {body.decode('utf-8', 'replace')}")
        await self.caught_up()


@asynccontextmanager
async def open_stage(root: Path, show: Callable[[str], None], *, clickhouse: bool = True) -> AsyncIterator[Stage]:
    """Start Kafka and, unless told otherwise, ClickHouse in `root`, with topics and tables; stop everything at the end.

    Settings of the environment hold, but for addresses, folders and secrets: those are the stage's own.
    """
    os.environ.pop("KITH_CLICKHOUSE_CLUSTER", None)
    folder = DataFolder.at(root)
    folder.create()
    settings = stage_settings(Settings(), folder)
    await check_machine(settings)
    credentials = settle_credentials(folder.credentials, settings)
    folder.sources.write_text(NO_SOURCES, encoding="utf-8")
    supervisor = Supervisor(
        folder,
        {
            "pid": os.getpid(),
            "phase": "running",
            "step": "",
            "error": None,
            "host": HOST,
            "settings": {},
            "processes": [],
        },
        lambda _: None,
    )
    show("starting Kafka and ClickHouse" if clickhouse else "starting Kafka")
    try:
        settings = await asyncio.to_thread(prepare_kafka, settings, folder)
        wanted: Sequence[ProcessSpec] = plan_stores(settings, credentials, folder)
        ports = await supervisor.start([spec for spec in wanted if clickhouse or spec.name == "kafka"])
        settings = connect_stores(settings, ports)
        from deploy.local.topics import ensure_topics

        await asyncio.to_thread(ensure_topics, settings)
        if clickhouse:
            await run_once(migration(settings, credentials, folder), folder)
        yield Stage(settings, credentials, folder, supervisor)
    finally:
        await supervisor.stop()


def stage_settings(settings: Settings, folder: DataFolder) -> Settings:
    """Return settings of a stage: everything on free ports of loopback, in its own folder, with secrets of its own."""
    return settings.model_copy(
        update={
            "data_dir": folder.root,
            "host": HOST,
            "kafka_bootstrap": None,
            "clickhouse_url": None,
            "clickhouse_cluster": None,
            "replication": 1,
            "sources": folder.sources,
            "state_dir": folder.root / "state",
            "write_keys": "",
            "api_tokens": "",
            "clickhouse_password": Settings.model_fields["clickhouse_password"].default,
            "analyst_password": Settings.model_fields["analyst_password"].default,
            **{f"{name}_port": 0 for name in ("kafka", "clickhouse", "collector", "worker", "projector", "api")},
        }
    )
