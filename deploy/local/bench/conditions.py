"""What the figures depend on besides the code: the machine, what else it did, and the versions of what took part."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from deploy.local.kafka import JARS

_PACKAGES = (
    "kith",
    "aiokafka",
    "chdb",
    "clickhouse-connect",
    "confluent-kafka",
    "fastapi",
    "faust-streaming",
    "httptools",
    "kafka-python",
    "orjson",
    "rocksdict",
    "starlette",
    "uvicorn",
    "uvloop",
)


def conditions(scale: float) -> dict[str, Any]:
    """Return the conditions as they are now, before anything is started."""
    return {
        "cpu": cpu_model(_read("/proc/cpuinfo")),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "scale": scale,
        "versions": versions(),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Return the versions of Python, Kafka and the libraries on the path."""
    found = {
        "python": platform.python_version(),
        "kafka": kafka_version([jar.name for jar in JARS.glob("kafka_*.jar")]),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def cpu_model(cpuinfo: str) -> str:
    """Return the processor's name as Linux tells it."""
    match = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return match.group(1).strip() if match else platform.processor() or platform.machine()


def kafka_version(jars: list[str]) -> str:
    """Return the version in the name of Kafka's own jar, e.g. `kafka_2.13-4.2.0.jar`."""
    return next((match.group(1) for jar in jars if (match := re.fullmatch(r"kafka_[\d.]+-(.+)\.jar", jar))), "unknown")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
