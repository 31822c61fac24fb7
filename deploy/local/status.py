"""What `kith status` tells: processes, lag, and whether everything does its work."""

from typing import TypedDict

from deploy.local.folder import DataFolder
from deploy.local.lag import Lag, measure
from deploy.local.runtime import ProcessRecord, running_stack
from schemas.errors import KithError
from schemas.settings import Settings


class ProcessStatus(TypedDict):
    """One process of `kith status --json`; `pid` is null and `uptime_s` 0 while it is not alive."""

    name: str
    pid: int | None
    port: int
    state: str
    restarts: int
    uptime_s: float


class Status(TypedDict):
    """The document of `kith status --json`."""

    processes: list[ProcessStatus]
    lag: list[Lag]
    ready: bool


def read_status(settings: Settings, now: float) -> Status:
    """Return the status of the stack in the data folder of `settings`; `now` is seconds since 1970.

    Raises `KithError` when no stack runs there. While Kafka is away, nothing can be said about lag.
    """
    record = running_stack(DataFolder.at(settings.data_dir))
    processes = [process_status(process, now) for process in record["processes"]]
    ready = record["phase"] == "running" and all(process["state"] == "ready" for process in processes)
    lag: list[Lag] = []
    if record["settings"]:
        try:
            lag = measure(settings)
        except KithError:
            ready = False
    return {"processes": processes, "lag": lag, "ready": ready}


def process_status(process: ProcessRecord, now: float) -> ProcessStatus:
    """Return what is shown of one process."""
    return {
        "name": process["name"],
        "pid": process["pid"],
        "port": process["port"],
        "state": process["state"],
        "restarts": process["restarts"],
        "uptime_s": round(max(0.0, now - process["started_at"]), 1) if process["pid"] else 0.0,
    }


def describe_status(status: Status) -> str:
    """Return the status as a table; of the lag only what is behind."""
    lines = [f"{'process':<12} {'state':<11} {'pid':>8} {'port':>6} {'restarts':>8} {'uptime':>9}"]
    for row in status["processes"]:
        pid, uptime = row["pid"] or "-", f"{row['uptime_s']:.0f} s"
        lines.append(f"{row['name']:<12} {row['state']:<11} {pid:>8} {row['port']:>6} {row['restarts']:>8} {uptime:>9}")
    lines += [describe_lag(row) for row in status["lag"] if row["behind"]]
    return "\n".join([*lines, "ready" if status["ready"] else "not ready"])


def describe_lag(row: Lag) -> str:
    """Return one row of lag as a sentence."""
    return f"{row['stage']} is {row['behind']} records behind on {row['topic']}, partition {row['partition']}"
