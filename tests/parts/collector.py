"""A collector as users run it: the real process, on a free port, against a real Kafka."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from deploy.local.topics import ensure_topics
from schemas.settings import Settings
from schemas.topics import Topics
from tests.parts.kafka import Kept, kept

WRITE_KEY = "wk_stock"


@dataclass
class Collector:
    """A running process; `url` has no slash at its end."""

    url: str
    bootstrap: str
    topics: Topics
    process: "subprocess.Popen[bytes]"
    log: Path
    source: str | None = None
    write_key: str = WRITE_KEY

    def of(self, source: str, write_key: str) -> "Collector":
        """Return the same collector as one of its sources sees it: with its key, and nobody else's events."""
        return replace(self, source=source, write_key=write_key)

    def events(self, *channels: str) -> list[dict[str, Any]]:
        """Return the canonical events in the log, of all channels unless some are named."""
        names = [topic for channel, topic in self.topics.events.items() if not channels or channel in channels]
        return self._mine(kept(self.bootstrap, *names))

    def records(self, channel: str) -> list[Kept]:
        """Return the records of a channel's topic."""
        mine = self._mine(records := kept(self.bootstrap, self.topics.events[channel]))
        return [record for record in records if record.value in mine]

    def dead_letters(self) -> list[dict[str, Any]]:
        """Return the dead letters in the log."""
        return self._mine(kept(self.bootstrap, self.topics.rejected))

    def _mine(self, records: list[Kept]) -> list[dict[str, Any]]:
        values = [record.value for record in records]
        return values if self.source is None else [value for value in values if value["source"] == self.source]

    def await_events(self, count: int, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Return the events once there are `count` of them; whatever there is when the time is over."""
        deadline = time.monotonic() + seconds
        while len(events := self.events()) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        return events


@contextmanager
def running_collector(
    folder: Path, bootstrap: str, prefix: str, *, topics: bool = True, ready: bool = True, **environment: str
) -> Iterator[Collector]:
    """A collector that takes `WRITE_KEY`; `environment` adds or replaces `KITH_*` settings.

    Its topics are created first, and it is ready, unless told otherwise.
    """
    if topics:
        ensure_topics(Settings(kafka_bootstrap=bootstrap, topic_prefix=prefix))
    port_file, log = folder / "collector.port", folder / "collector.log"
    port_file.unlink(missing_ok=True)
    settings = {
        "KITH_KAFKA_BOOTSTRAP": bootstrap,
        "KITH_TOPIC_PREFIX": prefix,
        "KITH_COLLECTOR_PORT": "0",
        "KITH_PORT_FILE": str(port_file),
        "KITH_WRITE_KEYS": WRITE_KEY,
        **environment,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KITH_")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingest"], env={**inherited, **settings}, stdout=output, stderr=output
        )
    try:
        yield _when_up(process, port_file, log, bootstrap, prefix, ready)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _when_up(
    process: "subprocess.Popen[bytes]", port_file: Path, log: Path, bootstrap: str, prefix: str, ready: bool
) -> Collector:
    deadline = time.monotonic() + 60
    path = "/readyz" if ready else "/healthz"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the collector ended: {log.read_text()[-2000:]}")
        if port_file.exists():
            url = f"http://127.0.0.1:{port_file.read_text().strip()}"
            try:
                if httpx2.get(url + path, timeout=5).status_code == 200:
                    return Collector(url, bootstrap, Topics(prefix), process, log)
            except httpx2.TransportError:
                pass
        time.sleep(0.05)
    raise RuntimeError(f"the collector is not up: {log.read_text()[-2000:]}")
