"""A projector of one's own over a real log, and how to fill the log and wait for the tables."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from deploy.local.lag import measure
from projections.clickhouse import open_database
from schemas.codec import dumps
from schemas.settings import Settings

Message = tuple[str, str, Any]  # topic, key, document, bytes or None


def send(settings: Settings, messages: Iterable[Message], transaction: bool = False) -> None:
    """Put messages into the log, all acknowledged (and committed) on return."""
    configuration: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "queue.buffering.max.messages": 1_000_000,
    }
    if transaction:
        configuration["transactional.id"] = f"{settings.topic_prefix}test"
    producer = Producer(configuration)
    if transaction:
        producer.init_transactions(30)
        producer.begin_transaction()
    for topic, key, document in messages:
        value = document if document is None or isinstance(document, bytes) else dumps(document)
        producer.produce(topic, value, key)
        producer.poll(0)
    if transaction:
        producer.commit_transaction(30)
    assert producer.flush(30) == 0


@dataclass
class Projecting:
    """A projector process."""

    settings: Settings
    log: Path
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def restart(self) -> None:
        """Start it again."""
        self.process = _start(self.settings, self.log)


@contextmanager
def projecting(settings: Settings, folder: Path, name: str = "projector-1") -> Iterator[Projecting]:
    """Run `python -m projections` until the block ends."""
    own = settings.model_copy(update={"projector_id": name})
    log = folder / f"{name}.log"
    running = Projecting(own, log, _start(own, log))
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(timeout=60)


def wait_until_projected(settings: Settings, timeout_s: float = 60.0) -> None:
    """Return when the projector has committed everything up to the log's end; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        behind = [row for row in measure(settings) if row["stage"] == "projector" and row["behind"]]
        if not behind:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"the projector is behind: {behind}")
        time.sleep(0.1)


def rows(settings: Settings, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Return what ClickHouse answers."""
    client = open_database(settings)
    try:
        return [tuple(row) for row in client.query(sql, parameters=parameters).result_rows]
    finally:
        client.close()


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that make these settings."""
    names = (
        "kafka_bootstrap",
        "topic_prefix",
        "partitions",
        "clickhouse_url",
        "clickhouse_database",
        "clickhouse_user",
        "projector_id",
        "projector_batch",
        "projector_interval_s",
    )
    return {
        **os.environ,
        **{f"KITH_{name.upper()}": str(getattr(settings, name)) for name in names},
        "KITH_CLICKHOUSE_PASSWORD": settings.clickhouse_password.get_secret_value(),
        "KITH_PROJECTOR_PORT": "0",
    }


def _start(settings: Settings, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "projections"], env=environment(settings), stdout=output, stderr=output
        )
