"""The processes of the local stack: what each is started with, and how it shows that it does its work.

All of it is pure: settings and credentials in, specifications out. Everything reaches a process through its
environment, nothing through its command line (which every user of the machine can read), and a secret reaches only who
needs it.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from deploy.local import kafka
from deploy.local.credentials import Credentials
from deploy.local.folder import DataFolder
from schemas.serving import PORT_FILE_VARIABLE
from schemas.settings import Settings

# Never inherited: a process gets those of them that it needs from its specification.
SECRET_VARIABLES = (
    "KITH_WRITE_KEYS",
    "KITH_API_TOKENS",
    "KITH_REPLAY_KEY",
    "KITH_CLICKHOUSE_PASSWORD",
    "KITH_ANALYST_PASSWORD",
    "KITH_TRANSFORMER_PASSWORD",
    "KITH_PRIVACY_KEY",
)


class Probe(Enum):
    """How a process is asked whether it is ready."""

    KAFKA = "kafka"  # answers an ApiVersions request
    PING = "/ping"  # ClickHouse's own
    READY = "/readyz"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process. `port` 0: it picks one and announces it; `port_variable` then fixes that one for its restarts."""

    name: str
    command: tuple[str, ...]
    port: int
    probe: Probe
    port_variable: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 20.0


def addresses(settings: Settings) -> dict[str, str]:
    """Return the variables that tell every process where it is, where Kafka is and how topics are named."""
    given = {
        "KITH_DATA_DIR": settings.data_dir,
        "KITH_HOST": settings.host,
        "KITH_KAFKA_BOOTSTRAP": settings.bootstrap,
        "KITH_TOPIC_PREFIX": settings.topic_prefix,
        "KITH_PARTITIONS": settings.partitions,
        "KITH_SOURCES": settings.sources,
        "KITH_TRACKING_PLAN": settings.tracking_plan,
        "KITH_IDENTITY_POLICY": settings.identity_policy,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def clickhouse_access(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Return the variables of a process that speaks to ClickHouse."""
    return {
        "KITH_CLICKHOUSE_URL": settings.clickhouse,
        "KITH_CLICKHOUSE_DATABASE": settings.clickhouse_database,
        "KITH_CLICKHOUSE_USER": settings.clickhouse_user,
        "KITH_CLICKHOUSE_PASSWORD": credentials.clickhouse_password,
    }


def plan_stores(settings: Settings, credentials: Credentials, folder: DataFolder) -> tuple[ProcessSpec, ...]:
    """Return Kafka and ClickHouse, without those that an external one replaces."""
    stores = []
    if settings.kafka_bootstrap is None:
        command = kafka.broker_command(folder.kafka / "server.properties")
        stores.append(ProcessSpec("kafka", command, settings.kafka_port, Probe.KAFKA, grace_s=30.0))
    if settings.clickhouse_url is None:
        environment = {
            **addresses(settings),
            "KITH_CLICKHOUSE_PORT": str(settings.clickhouse_port),
            "KITH_CLICKHOUSE_DATABASE": settings.clickhouse_database,
            "KITH_CLICKHOUSE_USER": settings.clickhouse_user,
            "KITH_CLICKHOUSE_PASSWORD": credentials.clickhouse_password,
            "KITH_ANALYST_PASSWORD": credentials.analyst_password,
            "KITH_TRANSFORMER_PASSWORD": credentials.transformer_password,
        }
        port = settings.clickhouse_port
        stores.append(
            _module(
                "clickhouse", "deploy.local.clickhouse", folder, port, "KITH_CLICKHOUSE_PORT", environment, Probe.PING
            )
        )
    return tuple(stores)


def plan_services(
    settings: Settings, credentials: Credentials, folder: DataFolder, workers: int
) -> tuple[ProcessSpec, ...]:
    """Return collector, workers, projector and api; `settings` holds the addresses of the stores that run."""
    common = {**addresses(settings), "KITH_PRIVACY_KEY": credentials.privacy_key}
    archive = {**common, **clickhouse_access(settings, credentials)}
    replay_key = settings.replay_key.get_secret_value()
    collector = {**common, "KITH_WRITE_KEYS": credentials.write_keys, "KITH_REPLAY_KEY": replay_key}
    api = {
        **archive,
        "KITH_COLLECTOR_URL": settings.collector,
        "KITH_REPLAY_KEY": replay_key,
        "KITH_API_TOKENS": credentials.api_tokens,
        "KITH_ANALYST_PASSWORD": credentials.analyst_password,
    }
    return (
        _module("collector", "ingest", folder, settings.collector_port, "KITH_COLLECTOR_PORT", collector),
        *(
            _module(
                f"worker-{number}",
                "processors",
                folder,
                settings.worker_port + number - 1 if settings.worker_port else 0,
                "KITH_WORKER_PORT",
                {**archive, **_worker(settings, f"worker-{number}")},
            )
            for number in range(1, workers + 1)
        ),
        _module("projector", "projections", folder, settings.projector_port, "KITH_PROJECTOR_PORT", archive),
        _module("api", "api", folder, settings.api_port, "KITH_API_PORT", api),
    )


def migration(settings: Settings, credentials: Credentials, folder: DataFolder) -> ProcessSpec:
    """Return the one-shot process that brings ClickHouse's tables up to date."""
    environment = {**addresses(settings), **clickhouse_access(settings, credentials)}
    return _module("migrate", "deploy.local.tables", folder, 0, None, environment)


def _worker(settings: Settings, name: str) -> dict[str, str]:
    state = {} if settings.state_dir is None else {"KITH_STATE_DIR": str(settings.state_dir / name)}
    return {"KITH_WORKER_ID": name, **state}


def _module(
    name: str,
    module: str,
    folder: DataFolder,
    port: int,
    port_variable: str | None,
    environment: Mapping[str, str],
    probe: Probe = Probe.READY,
) -> ProcessSpec:
    variables = {**environment, PORT_FILE_VARIABLE: str(folder.port_file(name))}
    if port_variable:
        variables[port_variable] = str(port)
    return ProcessSpec(name, (sys.executable, "-m", module), port, probe, port_variable, variables)
