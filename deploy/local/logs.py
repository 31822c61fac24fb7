"""Reading the log files of a stack: the newest lines of all processes in the order of time, and what comes after."""

import json
import os
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from deploy.local.folder import DataFolder
from schemas.errors import KithError

POLL_S = 0.2
_TAIL_BYTES = 1 << 20
_SHOWN_FIRST = ("timestamp", "process", "level", "event")


def log_files(folder: DataFolder, name: str | None) -> list[Path]:
    """Return the log file of one process, or of all. Raises `KithError`, naming what there is, for an unknown name."""
    there = sorted(folder.logs.glob("*.log"))
    found = [path for path in there if name is None or path.stem == name]
    if not found:
        names = ", ".join(path.stem for path in there)
        raise KithError(
            f"There is no log of {name!r} in {folder.logs}; there is: {names}." if names else _nothing(folder)
        )
    return found


def _nothing(folder: DataFolder) -> str:
    return f"There are no logs in {folder.logs}: start a stack with `kith up`, or set KITH_DATA_DIR to its folder."


def last_lines(files: Sequence[Path], count: int) -> list[str]:
    """Return the newest `count` lines of all files together, oldest first; at most the last MB of each is read."""
    lines = [line for path in files for line in _tail(path)[-count:]] if count else []
    return sorted(lines, key=_moment)[-count:]


def _tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = text.splitlines()
    return lines[1:] if size > _TAIL_BYTES else lines


def follow_lines(files: Sequence[Path]) -> Generator[str, None, None]:
    """Yield every line that is written from now on, for ever; a file that is rotated is read on from its start."""
    following = [_Following(path) for path in files]
    try:
        while True:
            lines = [line for one in following for line in one.new_lines()]
            yield from lines
            if not lines:
                time.sleep(POLL_S)
    finally:
        for one in following:
            one.close()


class _Following:
    """One log file, read from its present end on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open(encoding="utf-8", errors="replace")
        self._file.seek(0, os.SEEK_END)

    def new_lines(self) -> list[str]:
        """Return what was written since the last call."""
        lines = self._file.read().splitlines()
        if not lines and _was_rotated(self._path, self._file.fileno()):
            self._file.close()
            self._file = self._path.open(encoding="utf-8", errors="replace")
            lines = self._file.read().splitlines()
        return lines

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _was_rotated(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino != os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def readable(line: str) -> str:
    """Return a JSON line as `time process level event key=value …`; any other line as it is."""
    try:
        values = json.loads(line)
        head = " ".join(f"{values[name]!s:<{width}}" for name, width in zip(_SHOWN_FIRST, (24, 11, 7, 0), strict=True))
    except (ValueError, KeyError, TypeError):
        return line
    exception = values.pop("exception", None)
    rest = " ".join(f"{name}={value}" for name, value in values.items() if name not in (*_SHOWN_FIRST, "logger"))
    return f"{head} {rest}".rstrip() + (f"\n{exception}" if exception else "")


def _moment(line: str) -> str:
    try:
        return str(json.loads(line)["timestamp"])
    except (ValueError, KeyError, TypeError):
        return ""
