"""The composition of the local stack: checks, Kafka and ClickHouse, topics and tables, then everything that needs them.

`run_stack` is the whole life of a stack, in the foreground (`kith up`) or as the detached process of `kith up --detach`
(`python -m deploy.local.stack`, which takes everything from its environment).
"""

import asyncio
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydantic import SecretStr

from deploy.local import kafka
from deploy.local.child import last_words, leashed
from deploy.local.credentials import settle_credentials
from deploy.local.doctor import RUN_BYTES, Finding, check_disk, check_port
from deploy.local.folder import DataFolder
from deploy.local.logfile import LogFile
from deploy.local.processes import SECRET_VARIABLES, ProcessSpec, migration, plan_services, plan_stores
from deploy.local.runtime import Lock
from deploy.local.supervisor import Supervisor
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.source import NO_SOURCES

Show = Callable[[str], None]
# What a killed stack had started ends within moments, and only then are its ports free.
PORT_PATIENCE_S = 2.0
# A lock is given back by the end of the process: who sees it free knows that nothing of the stack is left.
_HELD: list[Lock] = []


def run_stack(settings: Settings, workers: int, show: Show) -> None:
    """Run the stack until SIGTERM, SIGINT or SIGHUP, telling `show` each step. Call from the main thread.

    Raises `KithError`, after stopping what had started, when the stack cannot run. Once in a process.
    """
    # Logs, stores and secrets are their owner's alone.
    os.umask(0o077)
    folder = DataFolder.at(settings.data_dir)
    folder.create()
    lock = Lock(folder.lock)
    if not lock.acquire(patience_s=1.0):
        raise KithError(f"A stack runs in {folder.root} already: `kith status` shows it, `kith down` stops it.")
    _HELD.append(lock)
    asyncio.run(_live(settings, workers, folder, show))


async def _live(settings: Settings, workers: int, folder: DataFolder, show: Show) -> None:
    supervisor = Supervisor(
        folder,
        {
            "pid": os.getpid(),
            "phase": "starting",
            "step": "",
            "error": None,
            "host": settings.host,
            "settings": {},
            "processes": [],
        },
        show,
    )
    stop = _stop_on_signals(supervisor)
    starting = asyncio.create_task(_start(supervisor, settings, workers, folder))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopping
    except Exception as error:
        supervisor.record["error"] = str(error) or type(error).__name__
        raise
    finally:
        for task in (starting, stopping):
            task.cancel()
        with suppress(asyncio.CancelledError, KithError):
            await starting
        supervisor.step("Stopping", phase="stopping")
        await supervisor.stop()
        failed = supervisor.record["error"] is not None
        supervisor.step("Failed" if failed else "Stopped", phase="failed" if failed else "stopped")


def _stop_on_signals(supervisor: Supervisor) -> asyncio.Event:
    """Return an event that the first signal sets; a second one ends every process at once."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            supervisor.kill()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


async def _start(supervisor: Supervisor, settings: Settings, workers: int, folder: DataFolder) -> None:
    settings = _absolute(settings, folder)
    await check_machine(settings)
    credentials = settle_credentials(folder.credentials, settings)
    if settings.sources == folder.sources and not folder.sources.exists():
        folder.sources.write_text(NO_SOURCES, encoding="utf-8")
        folder.sources.chmod(0o600)
    if settings.kafka_bootstrap is None:
        settings = await asyncio.to_thread(prepare_kafka, settings, folder)
    supervisor.step("Starting the stores")
    ports = await supervisor.start(plan_stores(settings, credentials, folder))
    reached = connect_stores(settings, ports)
    supervisor.step("Creating topics", settings=shared(reached))
    # Imported here: Kafka's admin client takes a third of a second that nothing before needs.
    from deploy.local.topics import ensure_topics

    await asyncio.to_thread(ensure_topics, reached)
    supervisor.step("Bringing ClickHouse's tables up to date")
    await run_once(migration(reached, credentials, folder), folder)
    reached = know_collector(reached)
    supervisor.step("Starting collector, worker, projector and api")
    ports |= await supervisor.start(plan_services(reached, credentials, folder, workers))
    reached = reached.model_copy(update={"collector_port": ports["collector"], "api_port": ports["api"]})
    supervisor.step("Ready", phase="running", settings=shared(reached))


async def check_machine(settings: Settings) -> None:
    """Raise `KithError`, naming everything at once, when the disk is full, a port is taken or Kafka is not there."""
    if settings.kafka_bootstrap is None:
        kafka.check_installed()
    deadline = time.monotonic() + PORT_PATIENCE_S
    while wrong := [finding.advice for finding in _findings(settings) if not finding.ok]:
        if time.monotonic() >= deadline:
            raise KithError("\n".join(wrong))
        await asyncio.sleep(0.1)


def _findings(settings: Settings) -> list[Finding]:
    return [check_disk(str(settings.data_dir), RUN_BYTES), *check_ports(settings)]


def check_ports(settings: Settings) -> list[Finding]:
    """Return what is known about each fixed port of the stack."""
    ports = [
        ("the collector", settings.collector_port, "KITH_COLLECTOR_PORT"),
        ("the api", settings.api_port, "KITH_API_PORT"),
    ]
    if settings.kafka_bootstrap is None:
        ports.append(("Kafka", settings.kafka_port, "KITH_KAFKA_PORT"))
    if settings.clickhouse_url is None:
        ports.append(("ClickHouse", settings.clickhouse_port, "KITH_CLICKHOUSE_PORT"))
    return [check_port(name, settings.host, port, variable) for name, port, variable in ports if port]


def connect_stores(settings: Settings, ports: dict[str, int]) -> Settings:
    """Return settings that name the stores which run, in place of the ports that they were to have."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    changes: dict[str, Any] = {}
    if "kafka" in ports:
        changes |= {"kafka_bootstrap": f"{host}:{ports['kafka']}", "kafka_port": ports["kafka"]}
    if "clickhouse" in ports:
        changes |= {"clickhouse_url": f"http://{host}:{ports['clickhouse']}", "clickhouse_port": ports["clickhouse"]}
    return settings.model_copy(update=changes)


def know_collector(settings: Settings) -> Settings:
    """Return settings with which the api finds the collector and may replay dead letters there."""
    changes: dict[str, Any] = {"collector_port": settings.collector_port or free_port(settings.host)}
    if not settings.replay_key.get_secret_value():
        changes["replay_key"] = SecretStr(secrets.token_hex(16))
    return settings.model_copy(update=changes)


def shared(settings: Settings) -> dict[str, Any]:
    """Return the settings that other commands in this data folder must share; no secrets."""
    names = ("kafka_bootstrap", "clickhouse_url", "kafka_port", "clickhouse_port", "collector_port", "api_port")
    kept = ("topic_prefix", "partitions", "clickhouse_database", "clickhouse_user", "sources", "tracking_plan")
    values = settings.model_dump(mode="json", include={*names, *kept})
    return {name: value for name, value in values.items() if value is not None}


async def run_once(spec: ProcessSpec, folder: DataFolder) -> None:
    """Run a process to its end. Raises `KithError`, with its last words, when it fails."""
    inherited = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
    process = await asyncio.create_subprocess_exec(
        *leashed(spec.command),
        env={**inherited, **spec.environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )
    log = LogFile(folder.log_file(spec.name), spec.name)
    assert process.stdout is not None
    while data := await process.stdout.read(1 << 16):
        log.feed(data)
    code = await process.wait()
    log.close()
    if code != 0:
        raise KithError(f"{spec.name} failed: {last_words(log)}")


def free_port(host: str) -> int:
    """Return a port that nobody listens on now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def prepare_kafka(settings: Settings, folder: DataFolder) -> Settings:
    """Write the broker's configuration, format its storage the first time, and return settings with its port fixed."""
    port = settings.kafka_port or free_port(settings.host)
    folder.kafka.mkdir(mode=0o700, exist_ok=True)
    configuration = folder.kafka / "server.properties"
    data = folder.kafka / "log"
    text = kafka.properties(data, settings.host, port, free_port("127.0.0.1"))
    configuration.write_text(text, encoding="utf-8")
    kafka.format_storage(data, configuration)
    return settings.model_copy(update={"kafka_port": port})


def _absolute(settings: Settings, folder: DataFolder) -> Settings:
    """Return settings whose paths mean the same in every process."""
    paths = {
        "sources": settings.sources or folder.sources,
        "tracking_plan": settings.tracking_plan or folder.plans,
        "identity_policy": settings.identity_policy,
    }
    changes = {name: path.expanduser().absolute() for name, path in paths.items() if path is not None}
    state = {} if settings.state_dir is None else {"state_dir": settings.state_dir.expanduser().absolute()}
    return settings.model_copy(update={"data_dir": folder.root, **changes, **state})


def main() -> int:
    """Run as the detached process: settings and the number of workers come from the environment."""
    settings = Settings()
    log = LogFile(DataFolder.at(settings.data_dir).log_file("supervisor"), "supervisor")
    try:
        run_stack(settings, int(os.environ.get("KITH_WORKERS", "1")), log.note)
    except KithError as error:
        log.note(str(error), "error")
        return 1
    finally:
        log.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
