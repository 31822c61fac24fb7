"""What a process has used: CPU seconds and memory, of itself and of every process that it has started (Linux)."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import KithError

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def check_supported() -> None:
    """Raise `KithError` where the kernel does not tell."""
    if not Path("/proc/self/stat").exists():
        raise KithError("The benches read CPU time and memory from /proc: run them on Linux.")


@contextmanager
def cycles_left_alone() -> Iterator[None]:
    """Keep Python from searching for cycles until the block ends, as a worker does nearly always.

    Folds make none; what a bench holds in memory besides would be searched again and again on their account.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cpu_seconds(pid: int) -> float:
    """Return user and system time of all threads of `pid`, its living descendants and those it has waited for."""
    return sum(_cpu(member) for member in _family(pid))


def resident_bytes(pid: int) -> int:
    """Return the memory that `pid` and its descendants hold now."""
    return sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) * _PAGE for member in _family(pid))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    # utime, stime, cutime, cstime are fields 14 to 17 of proc(5); two come before the closing bracket.
    return sum(map(int, fields[11:15])) / _TICKS


def _family(pid: int) -> list[int]:
    found = [pid]
    for member in found:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found
