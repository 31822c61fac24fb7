"""The sources in force: read from the file at the start, and again whenever it changes, without a restart.

A file that cannot be read or is wrong leaves the sources as they were; the fault is logged and counted.
"""

from pathlib import Path

import structlog

from ingest.sources import Sources, default_source
from ingest.watch import Watch
from schemas.errors import KithError
from schemas.metrics import counter, gauge
from schemas.source import Source, parse_sources

log = structlog.get_logger(__name__)


class SourceFile:
    """`current` holds the sources in force. Raises `KithError` when the first reading fails: start with a right
    file."""

    def __init__(self, path: Path | None, write_keys: str) -> None:
        self._path = path
        self._default = default_source(write_keys)
        self._stamp: tuple[int, int, int] | None = None
        self._watch = Watch("sources", self.refresh)
        self._sources = gauge("kith_collector_sources")
        self._errors = counter("kith_collector_sources_errors_total")
        self._stamp = self._look()
        self.current = self._read()
        self._sources.set(len(self.current))

    def start(self) -> None:
        """Begin to watch the file."""
        if self._path is not None:
            self._watch.start()

    async def stop(self) -> None:
        """Stop watching."""
        await self._watch.stop()

    def refresh(self) -> bool:
        """Read the file again if it changed; tell whether other sources are in force now."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.current = self._read()
        except KithError as error:
            self._errors.inc()
            log.error("the sources file is wrong; the sources stay as they were", fault=str(error))
            return False
        self._sources.set(len(self.current))
        log.info("sources read", count=len(self.current))
        return True

    def _look(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> Sources:
        sources: dict[str, Source] = {}
        if self._path is not None:
            try:
                sources = parse_sources(self._path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise KithError(f"sources: cannot read {self._path}: {error}. Correct KITH_SOURCES.") from error
        for name in self._default:
            if name in sources:
                raise KithError(
                    f"sources: {name!r} comes from KITH_WRITE_KEYS; give the source in the file another name"
                )
        return Sources({**sources, **self._default})
