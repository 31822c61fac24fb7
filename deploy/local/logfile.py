"""One process's log: JSON lines in a file that is rotated by size, so that a stack's logs are bounded.

What a process prints besides JSON lines (a traceback before logging is set up, the JVM's own words) becomes one, with
e-mail addresses and credentials masked; lines that are JSON already were masked by the process that wrote them.
"""

import json
import logging
import re
from collections import deque
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from pathlib import Path

from schemas.logging import mask_text

FILE_BYTES = 10 << 20
FILES_KEPT = 3
# A longer line is cut: no process may make the supervisor hold more.
LINE_BYTES = 64 << 10
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def as_json_line(line: str, process: str, now: datetime) -> str:
    """Return `line` itself when it is a JSON object, else one that holds it as `event`."""
    if line.startswith("{") and line.endswith("}"):
        return line
    event = mask_text(_COLOURS.sub("", line))
    return json.dumps({"event": event, "process": process, "level": "info", "timestamp": _iso(now)}, ensure_ascii=False)


class LogFile:
    """The log of one process; `feed` takes its output as it comes."""

    def __init__(self, path: Path, process: str, max_bytes: int = FILE_BYTES, kept: int = FILES_KEPT) -> None:
        self.path = path
        self._process = process
        self._partial = b""
        self._file = _Rotating(path, maxBytes=max_bytes, backupCount=kept, encoding="utf-8", delay=True)
        self.last: deque[str] = deque(maxlen=20)

    def feed(self, data: bytes) -> None:
        """Append output; a line is written when it is complete, or too long to wait for."""
        *lines, rest = (self._partial + data).split(b"\n")
        if len(rest) > LINE_BYTES:
            lines.append(rest[:LINE_BYTES])
            rest = b""
        self._partial = rest
        for line in lines:
            text = line[:LINE_BYTES].decode("utf-8", "replace").rstrip()
            if text:
                self._write(as_json_line(text, self._process, datetime.now(timezone.utc)))

    def note(self, event: str, level: str = "info", **values: object) -> None:
        """Append a line of the supervisor's own."""
        line = {"event": event, **values, "process": self._process, "level": level}
        self._write(json.dumps({**line, "timestamp": _iso(datetime.now(timezone.utc))}))

    def close(self) -> None:
        """Write what is left and close the file."""
        self.feed(b"\n")
        self._file.close()

    def _write(self, line: str) -> None:
        self.last.append(line)
        self._file.emit(logging.makeLogRecord({"msg": line}))


class _Rotating(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Drop the line: a full disk must not stop the process whose output this is."""


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
