"""How a stack begins and ends: killed, interrupted, kept from starting; no orphan, and its folder is usable."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack, alive, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A folder whose stack a test may break, once it has made sure that one runs, or that none does."""
    own = LocalStack(tmp_path_factory.mktemp("own"))
    yield own
    own.kith("down", check=False)


def test_killed_supervisor_leaves_no_orphan_and_its_folder_usable(own: LocalStack) -> None:
    own.kith("up", "--detach")
    pids = own.pids()
    os.kill(pids[0], signal.SIGKILL)
    eventually(lambda: not [pid for pid in pids if alive(pid)])
    assert "No stack runs" in own.kith("status", check=False).stderr
    own.kith("up", "--detach")
    assert own.status()["ready"]


def test_a_busy_port_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = LocalStack(tmp_path / "busy", KITH_API_PORT=str(port))
        run = busy.kith("up", "--detach", check=False)
    assert run.returncode == 1
    assert re.search(rf"Port {port} of the api cannot be used.*KITH_API_PORT", run.stderr)


def test_foreground_stops_on_interrupt(own: LocalStack) -> None:
    own.kith("down", check=False)
    command = (sys.executable, "-m", "deploy.local.cli", "up")
    with subprocess.Popen(command, env=own.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        pids = own.pids()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 0
    assert not [pid for pid in pids if alive(pid)]
