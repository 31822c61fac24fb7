"""A local stack of its own for end-to-end tests: real processes, free ports, a folder that nobody else uses."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local.credentials import Credentials, load_credentials
from deploy.local.folder import DataFolder
from deploy.local.runtime import ProcessRecord, StackRecord, connected_settings, read_stack
from schemas.settings import Settings

FREE_PORTS = {f"KITH_{name}_PORT": "0" for name in ("KAFKA", "CLICKHOUSE", "COLLECTOR", "API", "WORKER", "PROJECTOR")}


class LocalStack:
    """One stack, driven through `kith` as a person does."""

    def __init__(self, root: Path, **variables: str) -> None:
        self.folder = DataFolder.at(root)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("KITH_")}
        self.environment = {**inherited, **FREE_PORTS, "KITH_DATA_DIR": str(self.folder.root), **variables}

    def kith(self, *arguments: str, check: bool = True, timeout_s: float = 300.0) -> "subprocess.CompletedProcess[str]":
        """Run `kith` with `arguments`; with `check`, fail the test with what it printed unless it exits with 0."""
        run = subprocess.run(
            (sys.executable, "-m", "deploy.local.cli", *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert run.returncode == 0 or not check, f"kith {' '.join(arguments)}: {run.stdout}{run.stderr}"
        return run

    def status(self) -> dict[str, Any]:
        """Return `kith status --json`."""
        document: dict[str, Any] = json.loads(self.kith("status", "--json", check=False).stdout)
        return document

    def process(self, name: str) -> ProcessRecord:
        """Return what the supervisor last wrote of one process."""
        return {process["name"]: process for process in self._record()["processes"]}[name]

    def is_ready(self) -> bool:
        """Tell whether the supervisor last wrote that everything does its work.

        Cheap enough to be asked again and again, which a `kith status` is not.
        """
        record = self._record()
        return record["phase"] == "running" and all(process["state"] == "ready" for process in record["processes"])

    @property
    def settings(self) -> Settings:
        """Return settings that reach this stack."""
        return connected_settings(Settings(data_dir=self.folder.root))

    @property
    def credentials(self) -> Credentials:
        """Return this stack's secrets."""
        found = load_credentials(self.folder.credentials)
        assert found is not None
        return found

    @property
    def collector(self) -> str:
        """Return the collector's address."""
        return f"http://127.0.0.1:{self.settings.collector_port}"

    @property
    def api(self) -> str:
        """Return the api's address."""
        return f"http://127.0.0.1:{self.settings.api_port}"

    def pids(self) -> list[int]:
        """Return the process ids of the supervisor and of everything that it runs."""
        record = self._record()
        return [record["pid"], *(process["pid"] for process in record["processes"] if process["pid"])]

    def kill(self, name: str) -> None:
        """End one process as a crash would."""
        pid = self.process(name)["pid"]
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)

    def kill_and_await(self, name: str) -> None:
        """End one process as a crash would; return when it runs again and everything does its work."""
        before = self.process(name)["restarts"]
        self.kill(name)
        eventually(lambda: self.process(name)["restarts"] > before and self.is_ready(), 120)

    def _record(self) -> StackRecord:
        record = read_stack(self.folder)
        assert record is not None
        return record


def alive(pid: int) -> bool:
    """Tell whether a process runs (a dead one that nobody has asked about does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Return as soon as `condition` holds; fail the test when it does not within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {condition}"
        time.sleep(0.05)
