"""A ClickHouse for tests: the local stack's own process, on a free port, in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD, ANALYST_PASSWORD, TRANSFORMER_PASSWORD = "kith", "test-owner", "test-analyst", "test-transformer"


@dataclass
class ClickHouse:
    """A running process; `url` has neither user nor password."""

    url: str
    process: "subprocess.Popen[bytes]"

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def resident_bytes(self) -> int:
        """Return the memory it holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def clickhouse_process(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[ClickHouse]:
    """Run ClickHouse on the data in `folder` until the block ends, then stop it cleanly."""
    folder.mkdir(parents=True, exist_ok=True)
    port_file, log = folder / "clickhouse.port", folder / "clickhouse.log"
    port_file.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "KITH_DATA_DIR": str(folder),
        "KITH_CLICKHOUSE_PORT": "0",
        "KITH_CLICKHOUSE_USER": USER,
        "KITH_CLICKHOUSE_PASSWORD": PASSWORD,
        "KITH_ANALYST_PASSWORD": ANALYST_PASSWORD,
        "KITH_TRANSFORMER_PASSWORD": TRANSFORMER_PASSWORD,
        "KITH_PORT_FILE": str(port_file),
        **(settings or {}),
    }
    command = [sys.executable, "-m", "deploy.local.clickhouse"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield ClickHouse(f"http://127.0.0.1:{_port(process, port_file, log)}", process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_clickhouse(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Run ClickHouse in `folder`; give URL, user and password of its owner."""
    with clickhouse_process(folder) as clickhouse:
        yield clickhouse.url, USER, PASSWORD


def _port(process: "subprocess.Popen[bytes]", port_file: Path, log: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if port_file.exists():
            port = int(port_file.read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=10) as answer:
                assert answer.read() == b"Ok.\n"
            return port
        time.sleep(0.01)
    raise RuntimeError(f"ClickHouse does not start: {log.read_text()[-2000:]}")
