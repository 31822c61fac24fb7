"""What each process is started with: its own secrets only, nothing on command lines, external parts left out."""

from pathlib import Path

import pytest

from deploy.local.credentials import Credentials
from deploy.local.folder import DataFolder
from deploy.local.processes import ProcessSpec, migration, plan_services, plan_stores
from deploy.local.stack import know_collector
from schemas.settings import Settings

CREDENTIALS = Credentials("wk_secret", "at_secret", "ch_secret", "analyst_secret", "", "transformer_secret")
FOLDER = DataFolder(Path("/data"))
SETTINGS = Settings(data_dir=Path("/data"))


def secrets_of(spec: ProcessSpec) -> set[str]:
    return {value for value in spec.environment.values() if value.endswith("_secret")}


def everything(settings: Settings = SETTINGS, workers: int = 1) -> dict[str, ProcessSpec]:
    specs = (
        *plan_stores(settings, CREDENTIALS, FOLDER),
        *plan_services(settings, CREDENTIALS, FOLDER, workers),
        migration(settings, CREDENTIALS, FOLDER),
    )
    return {spec.name: spec for spec in specs}


def test_order_of_starting() -> None:
    assert list(everything()) == ["kafka", "clickhouse", "collector", "worker-1", "projector", "api", "migrate"]


def test_each_gets_only_the_secrets_it_needs() -> None:
    found = {name: secrets_of(spec) for name, spec in everything().items()}
    assert found == {
        "kafka": set(),
        "clickhouse": {"ch_secret", "analyst_secret", "transformer_secret"},
        "collector": {"wk_secret"},
        "worker-1": {"ch_secret"},
        "projector": {"ch_secret"},
        "api": {"at_secret", "ch_secret", "analyst_secret"},
        "migrate": {"ch_secret"},
    }


def test_the_key_of_replays_is_the_collector_s_and_the_api_s() -> None:
    settings = know_collector(SETTINGS)
    key = settings.replay_key.get_secret_value()
    assert len(key) == 32
    assert know_collector(settings).replay_key == settings.replay_key, "one that is given stays"
    holders = {name for name, spec in everything(settings).items() if key in spec.environment.values()}
    assert holders == {"collector", "api"}
    free = know_collector(SETTINGS.model_copy(update={"collector_port": 0}))
    api = everything(free)["api"].environment["KITH_COLLECTOR_URL"]
    assert api == f"http://127.0.0.1:{free.collector_port}"
    assert free.collector_port


def test_no_secret_on_a_command_line() -> None:
    assert not any("_secret" in part for spec in everything().values() for part in spec.command)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        (Settings(kafka_bootstrap="kafka:9092"), "kafka"),
        (Settings(clickhouse_url="http://clickhouse:8123"), "clickhouse"),
    ],
)
def test_external_part_replaces_the_local_one(settings: Settings, missing: str) -> None:
    assert missing not in everything(settings)


def test_services_are_told_where_the_stores_are() -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:5001", clickhouse_url="http://127.0.0.1:5002", partitions=8)
    for name in ("worker-1", "projector", "api"):
        environment = everything(settings)[name].environment
        assert environment["KITH_KAFKA_BOOTSTRAP"] == "127.0.0.1:5001"
        assert environment["KITH_CLICKHOUSE_URL"] == "http://127.0.0.1:5002"
        assert environment["KITH_PARTITIONS"] == "8"


def test_workers_have_names_ports_and_stores_of_their_own() -> None:
    specs = everything(Settings(worker_port=7000, state_dir=Path("/fast")), workers=3)
    workers = [specs[f"worker-{number}"] for number in (1, 2, 3)]
    assert [spec.port for spec in workers] == [7000, 7001, 7002]
    assert [spec.environment["KITH_WORKER_PORT"] for spec in workers] == ["7000", "7001", "7002"]
    assert [spec.environment["KITH_WORKER_ID"] for spec in workers] == ["worker-1", "worker-2", "worker-3"]
    assert len({spec.environment["KITH_STATE_DIR"] for spec in workers}) == 3
    assert len({spec.environment["KITH_PORT_FILE"] for spec in workers}) == 3
