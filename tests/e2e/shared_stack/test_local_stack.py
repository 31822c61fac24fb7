"""The life of a local stack: up, status, wait, restarts, down; no orphans; two side by side; everything on loopback."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.local_stack import LocalStack, alive, eventually

pytestmark = pytest.mark.e2e

NAMES = ["kafka", "clickhouse", "collector", "worker-1", "projector", "api"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack beside the shared one."""
    own = LocalStack(tmp_path / "own")
    yield own
    own.kith("down", check=False)


def track(stack: LocalStack, message: str) -> None:
    answer = httpx2.post(
        f"{stack.collector}/v1/track",
        json={"userId": "u1", "event": "Product Viewed", "messageId": message},
        auth=(stack.credentials.write_key, ""),
    )
    assert answer.status_code == 200, answer.text


def count_events(stack: LocalStack, pattern: str) -> int:
    answer = httpx2.post(
        stack.settings.clickhouse,
        params={
            "query": "SELECT count() FROM kith.events WHERE message_id LIKE {pattern:String}",
            "param_pattern": pattern,
        },
        auth=(stack.settings.clickhouse_user, stack.credentials.clickhouse_password),
    )
    assert answer.status_code == 200, answer.text
    return int(answer.text)


def test_status_has_its_shape(stack: LocalStack) -> None:
    status = stack.status()
    assert status.keys() == {"processes", "lag", "ready"}
    assert status["ready"] is True
    assert [process["name"] for process in status["processes"]] == NAMES
    for process in status["processes"]:
        assert process.keys() == {"name", "pid", "port", "state", "restarts", "uptime_s"}
        assert process["state"] == "ready"
        assert process["port"] > 0
        assert alive(process["pid"])
    assert {tuple(row) for row in status["lag"]} == {("stage", "topic", "partition", "behind")}
    assert {row["stage"] for row in status["lag"]} == {"worker", "projector"}


def test_wait_returns_when_events_have_reached_clickhouse(stack: LocalStack) -> None:
    for number in range(20):
        track(stack, f"wait-{number}")
    stack.kith("wait", "--timeout", "60")
    assert all(row["behind"] == 0 for row in stack.status()["lag"])
    assert count_events(stack, "wait-%") == 20


def test_every_process_answers_health_readiness_and_metrics(stack: LocalStack) -> None:
    for name in NAMES[2:]:
        address = f"http://127.0.0.1:{stack.process(name)['port']}"
        assert httpx2.get(f"{address}/healthz").status_code == 200, name
        assert httpx2.get(f"{address}/readyz").status_code == 200, name
        assert "# TYPE" in httpx2.get(f"{address}/metrics").text, name


def test_listens_on_loopback_only(stack: LocalStack) -> None:
    sockets = {os.readlink(path) for pid in stack.pids() for path in Path(f"/proc/{pid}/fd").iterdir() if path.exists()}
    inodes = {link[8:-1] for link in sockets if link.startswith("socket:[")}
    listening = []
    for table, length in (("tcp", 8), ("tcp6", 32)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                listening.append((fields[1][:length], int(fields[1][length + 1 :], 16)))
    loopback = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
    assert len(listening) >= len(NAMES)
    assert {address for address, _ in listening} <= loopback


def test_secrets_are_their_owners_alone(stack: LocalStack) -> None:
    for path in (stack.folder.credentials, *stack.folder.logs.iterdir(), stack.folder.sources):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(stack.folder.root.stat().st_mode) == 0o700
    known = stack.credentials
    secrets = (known.clickhouse_password, known.analyst_password, known.transformer_password)
    command_lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in stack.pids()]
    logs = [path.read_text() for path in stack.folder.logs.iterdir()]
    assert not [text for text in (*command_lines, *logs) if any(secret in text for secret in secrets)]


def test_logs_are_json_lines(stack: LocalStack) -> None:
    shown = stack.kith("logs", "--json", "-n", "500").stdout.splitlines()
    assert shown
    assert all(line.startswith("{") and line.endswith("}") for line in shown)
    assert "kafka" in stack.kith("logs", "kafka").stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_process_is_started_again(stack: LocalStack, name: str) -> None:
    before = stack.process(name)
    stack.kill_and_await(name)
    after = stack.process(name)
    assert after["restarts"] == before["restarts"] + 1
    assert after["pid"] != before["pid"]
    assert after["port"] == before["port"]
    track(stack, f"after-{name}")
    stack.kith("wait", "--timeout", "60")


def test_runs_beside_another_stops_everything_and_continues(stack: LocalStack, own: LocalStack) -> None:
    own.kith("up", "--detach")
    first = own.credentials
    track(own, "mine")
    own.kith("wait")
    ports = [process["port"] for one in (stack, own) for process in one.status()["processes"]]
    assert len(set(ports)) == len(ports)
    assert [count_events(one, "mine") for one in (stack, own)] == [0, 1]

    pids = own.pids()
    own.kith("down")
    eventually(lambda: not [pid for pid in pids if alive(pid)], 10)
    assert own.kith("status", check=False).returncode == 1
    assert "No stack runs" in own.kith("status", check=False).stderr

    own.kith("up", "--detach", "--workers", "2")
    assert own.credentials == first
    assert [process["name"] for process in own.status()["processes"]][3:5] == ["worker-1", "worker-2"]
    track(own, "after")
    own.kith("wait")
    assert (count_events(own, "mine"), count_events(own, "after")) == (1, 1)
    answer = httpx2.get(f"{own.api}/v1/profiles/user_id:u1", headers={"Authorization": f"Bearer {first.api_token}"})
    assert answer.json()["activity"]["events"] == 2


def test_second_up_in_a_folder_says_so(stack: LocalStack) -> None:
    assert "runs in" in stack.kith("up", check=False).stderr
    assert "already" in stack.kith("up", "--detach").stdout


def test_another_partition_count_is_refused(stack: LocalStack, tmp_path: Path) -> None:
    """Here on a Kafka that is not this stack's own, which also shows that none is started beside it."""
    other = LocalStack(tmp_path / "other", KITH_KAFKA_BOOTSTRAP=stack.settings.bootstrap, KITH_PARTITIONS="8")
    run = other.kith("up", "--detach", check=False)
    assert run.returncode == 1
    assert "has 4 partitions, but KITH_PARTITIONS is 8" in run.stderr
    assert not other.folder.kafka.exists()
