"""What `kith snapshot` does around a snapshot: a running stack is stopped before, and started again as it was."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.local.folder import DataFolder
from deploy.local.launch import start_detached, stop_running
from deploy.local.runtime import StackRecord, is_running, read_stack
from deploy.local.snapshots import Show, read_snapshot, write_snapshot
from schemas.settings import Settings

_PATIENCE_S = 120.0
_PORTS = ("kafka_port", "clickhouse_port", "collector_port", "api_port")

Tell = Callable[[str], None]


def take(file: Path, tell: Tell) -> None:
    """Write a snapshot. Raises `KithError` when that cannot be done; the stack runs again in any case."""
    settings = Settings()
    folder = DataFolder.at(settings.data_dir)
    record = read_stack(folder) if is_running(folder) else None
    began = time.monotonic()
    if record is not None:
        tell("Stopping the stack.")
        stop_running(settings, _PATIENCE_S)
    try:
        with _bar("writing") as show:
            held = write_snapshot(settings, file.absolute(), show)
        packed = file.stat().st_size
        tell(f"{file}: {packed / 1e6:.1f} MB, of {held / 1e6:.1f} MB. It holds the stack's secrets: keep it as safe.")
    finally:
        if record is not None:
            _start_again(settings, record)
            tell(f"The stack runs again; it was away for {time.monotonic() - began:.0f} s.")


def put_back(file: Path, tell: Tell) -> None:
    """Restore a snapshot. Raises `KithError` when that cannot be done; the folder then is as it was."""
    settings = Settings()
    with _bar("reading") as show:
        manifest = read_snapshot(settings, file, show)
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest["created_at"]))
    tell(f"{settings.data_dir} is as it was on {made}: `kith up` starts it.")


def _start_again(settings: Settings, record: StackRecord) -> None:
    """Start the stack detached, on the ports that it had and with as many workers."""
    os.environ |= {
        f"KITH_{name.upper()}": str(record["settings"][name]) for name in _PORTS if name in record["settings"]
    }
    workers = sum(process["name"].startswith("worker-") for process in record["processes"])
    start_detached(settings, max(1, workers), lambda _: None)


@contextmanager
def _bar(what: str) -> Iterator[Show]:
    columns = (TextColumn(what), BarColumn(bar_width=30), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
