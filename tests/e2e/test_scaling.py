"""Workers come and go under load: partitions move between processes, and nothing is lost or counted twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack, eventually
from tests.e2e.test_kills import Shop, check

pytestmark = pytest.mark.e2e


def further_worker(stack: LocalStack, number: int, folder: Path) -> "subprocess.Popen[bytes]":
    """Start one more worker beside those of the stack, as an operator does on another machine."""
    settings = stack.settings
    variables = {
        "KITH_WORKER_ID": f"further-{number}",
        "KITH_KAFKA_BOOTSTRAP": settings.bootstrap,
        "KITH_CLICKHOUSE_URL": settings.clickhouse,
        "KITH_CLICKHOUSE_PASSWORD": settings.clickhouse_password.get_secret_value(),
        "KITH_STATE_DIR": str(folder / f"further-{number}"),
    }
    log = (folder / f"further-{number}.log").open("wb")
    with log:
        command = (sys.executable, "-m", "processors")
        return subprocess.Popen(command, env={**stack.environment, **variables}, stdout=log, stderr=log)


def test_two_and_four_workers_share_the_partitions(tmp_path: Path) -> None:
    own = LocalStack(tmp_path / "own")
    own.kith("up", "--detach")
    workers: list[subprocess.Popen[bytes]] = []
    shop = Shop(own)
    try:
        shop.start()
        for number in range(3):
            time.sleep(2)
            workers.append(further_worker(own, number, tmp_path))
        eventually(lambda: all("unit open" in (tmp_path / f"further-{n}.log").read_text() for n in range(3)))
        time.sleep(3)
        # One leaves in order, one is killed and its name comes back, one is killed for good.
        workers[0].terminate()
        assert workers[0].wait(30) == 0
        time.sleep(2)
        workers[1].send_signal(signal.SIGKILL)
        workers[1].wait(10)
        workers[1] = further_worker(own, 1, tmp_path)
        time.sleep(2)
        os.kill(workers[2].pid, signal.SIGKILL)
        time.sleep(3)
        shop.stopping.set()
        shop.join(60)
        assert not shop.is_alive()
        own.kith("wait", "--timeout", "120")
        check(own, shop.acknowledged)
    finally:
        shop.stopping.set()
        for worker in workers:
            worker.kill()
            worker.wait(10)
        own.kith("down", check=False)
