"""Kafka's classes as the JVM keeps them (class data sharing), with which the broker starts in half the time.

`make install` runs this once, as `python -m deploy.local.kafka_classes`. The JVM writes the archive when a broker that
has done a little ends; one that no longer fits Java or the jars, or is missing, it does without.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.local import kafka
from deploy.local.child import leashed
from deploy.local.probes import ask
from deploy.local.processes import Probe
from deploy.local.stack import free_port
from deploy.local.topics import ensure_topics
from schemas.errors import KithError
from schemas.settings import Settings

_STARTS_S = 120.0
_HOST = "127.0.0.1"


def write_archive() -> None:
    """Replace the archive in one step. Raises `KithError` when the broker does not start, or Java writes nothing."""
    kafka.check_installed()
    draft = kafka.CLASSES.with_suffix(".draft")
    with tempfile.TemporaryDirectory(prefix="kith-kafka-") as name:
        folder, port = Path(name), free_port(_HOST)
        configuration, log = folder / "server.properties", folder / "kafka.log"
        configuration.write_text(kafka.properties(folder / "log", _HOST, port, free_port(_HOST)), encoding="utf-8")
        kafka.format_storage(folder / "log", configuration)
        command = kafka.broker_command(configuration, classes=f"-XX:ArchiveClassesAtExit={draft}")
        with log.open("wb") as output, subprocess.Popen(leashed(command), stdout=output, stderr=output) as process:
            try:
                _wait_ready(process, port, log)
                ensure_topics(Settings(kafka_bootstrap=f"{_HOST}:{port}"))
            finally:
                process.terminate()
        if not draft.exists():
            raise KithError(f"Java wrote no archive of Kafka's classes: {log.read_text(errors='replace')[-500:]}")
    draft.replace(kafka.CLASSES)


def _wait_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTS_S
    while not asyncio.run(ask(Probe.KAFKA, _HOST, port))[0]:
        if process.poll() is not None or time.monotonic() >= deadline:
            raise KithError(f"Kafka does not start: {log.read_text(errors='replace')[-500:]}")
        time.sleep(0.05)


def main() -> int:
    """Write the archive; where that fails, say so and leave Kafka to start more slowly."""
    try:
        write_archive()
    except KithError as error:
        print(f"Kafka will start more slowly. {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
