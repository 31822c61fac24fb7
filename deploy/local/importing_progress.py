"""How far an import has come: a small file that survives a kill, and the side file of rows that make no event.

Both are about one file under one mapping for one source. The progress file is there only while an import is
unfinished; it never says more than the collector has acknowledged.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from schemas.codec import dumps

_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Progress:
    """`line`: every row that begins on it or before is dealt with. `faults_bytes` is the side file's length then."""

    line: int = 0
    sent: int = 0
    faults: int = 0
    faults_bytes: int = 0


class ProgressFile:
    """Keeps the progress of one import, under a name that follows from the file, its mapping and the source."""

    def __init__(self, folder: Path, file: Path, mapping: str, source: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = folder / f"{file.name}-{fingerprint(file, mapping, source)}"
        self._path = stem.with_name(f"{stem.name}.progress.json")
        # Rows may name people: their owner's alone.
        self.faults_path = stem.with_name(f"{stem.name}.errors.ndjson")

    def load(self) -> Progress:
        """Return where to go on; the beginning when there is nothing to go on with."""
        try:
            return Progress(**json.loads(self._path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return Progress()

    def save(self, progress: Progress) -> None:
        """Replace the progress in one step."""
        draft = self._path.with_suffix(".draft")
        draft.write_bytes(dumps(asdict(progress)))
        draft.replace(self._path)

    def clear(self) -> None:
        """Forget the progress: the import is complete."""
        self._path.unlink(missing_ok=True)


class Faults:
    """The side file: one JSON line per row that makes no event, with its line and what is wrong with it."""

    def __init__(self, path: Path, since: Progress) -> None:
        self._path = path
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "r+b")
        # What was written after the progress was kept last comes again.
        self._file.truncate(since.faults_bytes)
        self._file.seek(since.faults_bytes)
        self.bytes = since.faults_bytes

    def add(self, line: int, fault: str, row: dict[str, Any]) -> None:
        """Write one row down."""
        text = json.dumps({"line": line, "error": fault, "row": row}, ensure_ascii=True)
        self.bytes += self._file.write(text.encode() + b"\n")

    def close(self) -> None:
        """Close the file; remove it when nothing is in it."""
        self._file.close()
        if self.bytes == 0:
            self._path.unlink(missing_ok=True)

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()


def fingerprint(file: Path, mapping: str, source: str) -> str:
    """Return 16 characters that are the same for the same content (its first MB and length), mapping and source."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        digest.update(content.read(_HEAD))
    for part in (str(file.stat().st_size), mapping, source):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()[:16]
