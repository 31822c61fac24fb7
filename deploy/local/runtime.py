"""What runs in a data folder: written by its supervisor, read by every other command.

A lock that the supervisor holds says whether it is alive (a process id alone may be somebody else's by now);
`stack.json` says what it started, and where. Neither holds a secret.
"""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, TypedDict

from deploy.local.credentials import load_credentials
from deploy.local.folder import DataFolder
from schemas.errors import KithError
from schemas.settings import Settings


class ProcessRecord(TypedDict):
    """One process as the supervisor knows it; `started_at` is seconds since 1970."""

    name: str
    pid: int | None
    port: int
    state: str
    detail: str
    restarts: int
    started_at: float


class StackRecord(TypedDict):
    """`stack.json`. `phase` is `starting`, `running`, `stopping` or `failed`; `error` says why it failed."""

    pid: int
    phase: str
    step: str
    error: str | None
    host: str
    settings: dict[str, Any]
    processes: list[ProcessRecord]


class Lock:
    """The right to run a stack in a folder; it ends with the process that holds it, however that ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self, patience_s: float = 0.0) -> bool:
        """Take the lock, and tell whether that worked within `patience_s`."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.02)
            else:
                return True

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def is_running(folder: DataFolder) -> bool:
    """Tell whether a supervisor is alive in this folder."""
    if not folder.lock.exists():
        return False
    lock = Lock(folder.lock)
    try:
        return not lock.acquire()
    finally:
        lock.close()


def read_stack(folder: DataFolder) -> StackRecord | None:
    """Return what the supervisor wrote last, or None when it wrote nothing yet."""
    try:
        record: StackRecord = json.loads(folder.stack.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return record


def write_stack(folder: DataFolder, record: StackRecord) -> None:
    """Replace `stack.json` in one step."""
    draft = folder.stack.with_suffix(".draft")
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.replace(folder.stack)


def running_stack(folder: DataFolder) -> StackRecord:
    """Return what runs in this folder. Raises `KithError` when nothing does."""
    record = read_stack(folder) if is_running(folder) else None
    if record is None:
        raise KithError(
            f"No stack runs in {folder.root}: start one with `kith up`, or set KITH_DATA_DIR to its folder."
        )
    return record


def connected_settings(settings: Settings | None = None) -> Settings:
    """Return settings with which a command reaches the stack: the running one's ports and secrets filled in.

    Without a stack in the data folder they are what the variables say, for an external Kafka and ClickHouse.
    """
    settings = settings or Settings()
    folder = DataFolder.at(settings.data_dir)
    stored = load_credentials(folder.credentials)
    values = settings.model_dump() | {"data_dir": folder.root}
    if stored is not None:
        values |= {name: values[name] or getattr(stored, name) for name in ("write_keys", "api_tokens")}
        values |= {
            name: getattr(settings, name).get_secret_value() or getattr(stored, name)
            for name in ("clickhouse_password", "analyst_password", "transformer_password", "privacy_key")
        }
    if is_running(folder) and (record := read_stack(folder)) is not None:
        values |= record["settings"]
    return Settings(**values)
