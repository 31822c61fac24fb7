"""The broker's configuration: loopback only, one node, nothing that is forgotten."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local import kafka
from schemas.errors import KithError


def parsed(text: str) -> dict[str, str]:
    pairs: list[tuple[str, str]] = [(line.partition("=")[0], line.partition("=")[2]) for line in text.splitlines()]
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


@given(st.integers(1, 65535), st.integers(1, 65535))
def test_listens_on_loopback_only(port: int, controller: int) -> None:
    found = parsed(kafka.properties(Path("/data/log"), "127.0.0.1", port, controller))
    listeners = [listener.split("//")[1] for listener in found["listeners"].split(",")]
    assert listeners == [f"127.0.0.1:{port}", f"127.0.0.1:{controller}"]
    assert found["advertised.listeners"] == f"PLAINTEXT://127.0.0.1:{port}"
    assert found["controller.quorum.voters"] == f"1@127.0.0.1:{controller}"


def test_controller_stays_on_loopback_when_the_broker_does_not() -> None:
    found = parsed(kafka.properties(Path("/data/log"), "192.0.2.7", 9092, 9093))
    assert found["listeners"] == "PLAINTEXT://192.0.2.7:9092,CONTROLLER://127.0.0.1:9093"


def test_keeps_positions_and_records() -> None:
    found = parsed(kafka.properties(Path("/data/log"), "127.0.0.1", 1, 2))
    assert found["log.retention.ms"] == "-1"
    assert int(found["offsets.retention.minutes"]) > 60 * 24 * 365
    assert found["auto.create.topics.enable"] == "false"
    assert found["group.initial.rebalance.delay.ms"] == "0"


def test_cluster_ids_are_random_and_valid() -> None:
    ids = {kafka.cluster_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(text) == 22 and not text.startswith("-") for text in ids)


def test_missing_jars_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kafka, "JARS", tmp_path)
    with pytest.raises(KithError, match="make install"):
        kafka.check_installed()
