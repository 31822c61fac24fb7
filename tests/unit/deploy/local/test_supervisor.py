"""The supervisor over real, small processes: order, readiness, restarts, ports, stopping, and no orphans."""

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.child import Child
from deploy.local.folder import DataFolder
from deploy.local.processes import Probe, ProcessSpec
from deploy.local.runtime import read_stack
from deploy.local.supervisor import Supervisor
from schemas.errors import KithError

# A process that behaves like Kith's own: announces its port, is ready after a while, notes when it is stopped.
WELL_BEHAVED = """
import os, signal, sys, time
from schemas.serving import serve
born = time.monotonic()
delay = float(os.environ.get("DELAY", "0"))
server = serve(int(os.environ["PORT"]), lambda: (time.monotonic() - born > delay, "warming up"))
def stop(*_):
    with open(os.environ["TRACE"], "a") as trace:
        trace.write(os.environ["NAME"] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("serving", flush=True)
while True:
    signal.pause()
"""
DEAF = WELL_BEHAVED.replace("signal.signal(signal.SIGTERM, stop)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder.at(tmp_path / "data")
    folder.create()
    return folder


def spec(
    folder: DataFolder, name: str, code: str = WELL_BEHAVED, grace_s: float = 10.0, **environment: str
) -> ProcessSpec:
    variables = {
        "KITH_PORT_FILE": str(folder.port_file(name)),
        "NAME": name,
        "PORT": "0",
        "TRACE": str(folder.root / "trace"),
        **environment,
    }
    return ProcessSpec(name, (sys.executable, "-c", code), 0, Probe.READY, "PORT", variables, grace_s)


def supervise(folder: DataFolder, shown: list[str] | None = None) -> Supervisor:
    record = {"pid": os.getpid(), "phase": "starting", "step": "", "error": None, "host": "127.0.0.1", "settings": {}}
    return Supervisor(folder, {**record, "processes": []}, (shown if shown is not None else []).append)  # type: ignore[typeddict-item]


async def until(condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def only(supervisor: Supervisor) -> Child:
    (child,) = supervisor.children
    return child


async def test_starts_when_ready_and_stops_in_reverse_order(folder: DataFolder) -> None:
    shown: list[str] = []
    supervisor = supervise(folder, shown)
    ports = await supervisor.start([spec(folder, "store", DELAY="0.3")])
    assert ports["store"] > 0
    assert [child.state for child in supervisor.children] == ["ready"]
    ports |= await supervisor.start([spec(folder, "one"), spec(folder, "two")])
    assert len(set(ports.values())) == 3
    names = [line.split()[0] for line in shown]
    assert (names[0], sorted(names[1:])) == ("store", ["one", "two"])
    await supervisor.stop()
    trace = (folder.root / "trace").read_text().split()
    assert sorted(trace[:2]) == ["one", "two"]
    assert trace[2:] == ["store"]
    assert {child.state for child in supervisor.children} == {"stopped"}


async def test_a_killed_process_comes_back_on_its_port_and_is_counted(folder: DataFolder) -> None:
    supervisor = supervise(folder)
    await supervisor.start([spec(folder, "api")])
    child = only(supervisor)
    first, port = child.pid, child.port
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.restarts == 1 and child.state == "ready")
    assert child.pid != first
    assert child.port == port
    record = read_stack(folder)
    assert record is not None
    assert [(row["name"], row["pid"], row["restarts"], row["state"]) for row in record["processes"]] == [
        ("api", child.pid, 1, "ready")
    ]
    await supervisor.stop()


async def test_a_process_comes_back_while_the_disk_is_full(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = supervise(folder)
    await supervisor.start([spec(folder, "kafka")])
    child = only(supervisor)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("deploy.local.supervisor.write_stack", full)
        patched.setattr("deploy.local.supervisor._WRITE_AGAIN_S", 0.1)
        child.kill()
        await until(lambda: child.restarts == 1 and child.state == "ready")

    def is_told() -> bool:
        record = read_stack(folder)
        return record is not None and record["processes"][0]["pid"] == child.pid

    await until(is_told)
    await supervisor.stop()


async def test_a_process_that_does_not_start_fails_with_its_last_words(folder: DataFolder) -> None:
    supervisor = supervise(folder)
    with pytest.raises(
        KithError, match=r"worker-1 does not start: KITH_X is wrong: set it to 1 \(see .*worker-1\.log\)"
    ):
        await supervisor.start([spec(folder, "worker-1", "import sys; sys.exit('KITH_X is wrong: set it to 1')")])
    await supervisor.stop()


async def test_a_process_that_never_gets_ready_is_named_with_what_it_waits_for(folder: DataFolder) -> None:
    supervisor = supervise(folder)
    with pytest.raises(KithError, match="api is not ready after 2 s: warming up"):
        await supervisor.start([spec(folder, "api", DELAY="1000")], timeout_s=2.0)
    await supervisor.stop()


async def test_a_deaf_process_is_killed_after_its_grace(folder: DataFolder) -> None:
    supervisor = supervise(folder)
    await supervisor.start([spec(folder, "deaf", DEAF, grace_s=0.3)])
    pid = only(supervisor).pid
    assert pid is not None
    await supervisor.stop()
    assert not alive(pid)


async def test_a_frozen_process_is_shown_and_not_killed(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.probes.TIMEOUT_S", 0.3)
    monkeypatch.setattr("deploy.local.child.READY_POLL_S", 0.1)
    supervisor = supervise(folder)
    await supervisor.start([spec(folder, "kafka")])
    child = only(supervisor)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    await until(lambda: child.state == "unready")
    os.kill(child.pid, signal.SIGCONT)
    await until(lambda: child.state == "ready")
    assert child.restarts == 0
    await supervisor.stop()


async def test_secrets_reach_only_whom_they_are_given_to(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_WRITE_KEYS", "wk_inherited")
    code = "import os; print('keys', os.environ.get('KITH_WRITE_KEYS'), flush=True)\n" + WELL_BEHAVED
    supervisor = supervise(folder)
    await supervisor.start([spec(folder, "with", code, KITH_WRITE_KEYS="given"), spec(folder, "without", code)])
    await supervisor.stop()
    words = {child.spec.name: json.loads(child.log.last[0])["event"] for child in supervisor.children}
    assert words == {"with": "keys given", "without": "keys None"}


def test_killed_supervisor_leaves_no_orphan(folder: DataFolder, tmp_path: Path) -> None:
    """Also when it dies by kill -9 while a process of its ignores TERM."""
    code = f"""
import asyncio, importlib.util, sys
from pathlib import Path
from deploy.local.folder import DataFolder
module_spec = importlib.util.spec_from_file_location("these_tests", {__file__!r})
these = importlib.util.module_from_spec(module_spec)
module_spec.loader.exec_module(these)
async def main():
    folder = DataFolder(Path({str(folder.root)!r}))
    supervisor = these.supervise(folder)
    await supervisor.start([these.spec(folder, "well"), these.spec(folder, "deaf", these.DEAF)])
    print(*(child.pid for child in supervisor.children), flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    with subprocess.Popen((sys.executable, "-c", code), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        process.kill()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    orphans = [pid for pid in pids if alive(pid)]
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    assert not orphans
