"""Real parts for contract and end-to-end tests: one Kafka for the whole run, and topic prefixes of one's own."""

import asyncio
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.local import kafka as broker
from deploy.local.child import leashed
from deploy.local.probes import ask
from deploy.local.processes import Probe
from deploy.local.stack import free_port
from tests.parts.turns import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ("kafka", "pytest_collection_modifyitems", "pytest_xdist_make_scheduler", "topic_prefix")

# A busy machine is no fault of the code. CI tries the same examples at every run, so that only a change can turn it
# red; everybody else tries new ones.
settings.register_profile("kith", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "kith")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a Kafka for this run; `KITH_TEST_KAFKA` names one that runs already."""
    given = os.environ.get("KITH_TEST_KAFKA")
    if given:
        yield given
        return
    broker.check_installed()
    folder = tmp_path_factory.mktemp("kafka")
    port = free_port("127.0.0.1")
    configuration = folder / "server.properties"
    configuration.write_text(broker.properties(folder / "log", "127.0.0.1", port, free_port("127.0.0.1")))
    broker.format_storage(folder / "log", configuration)
    with (folder / "kafka.log").open("wb") as log:
        process = subprocess.Popen(leashed(broker.broker_command(configuration)), stdout=log, stderr=log)
    try:
        _wait_for_kafka(process, port, folder / "kafka.log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def topic_prefix() -> str:
    """A prefix under which nobody else has topics or consumer groups."""
    return f"test-{uuid.uuid4().hex[:12]}."


def _wait_for_kafka(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while not asyncio.run(ask(Probe.KAFKA, "127.0.0.1", port))[0]:
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"Kafka does not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)
