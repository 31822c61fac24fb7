"""The tracking plans in force: a folder of files (`KITH_TRACKING_PLAN`), read again whenever one changes.

A file is for the source that it is named for (`web-shop.yaml`), or for those that it lists. A file that is wrong leaves
all plans as they were; the fault is logged and counted.
"""

from collections.abc import Mapping
from pathlib import Path

import structlog

from ingest.plan import Plan, parse_plan
from ingest.watch import Watch
from schemas.errors import KithError
from schemas.metrics import counter, gauge

log = structlog.get_logger(__name__)

ENDINGS = frozenset({".yaml", ".yml", ".json"})

Stamps = dict[str, tuple[int, int]]


class PlanFolder:
    """`current` holds the plan of each source that has one. Raises `KithError` when a plan is wrong at the start."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._watch = Watch("tracking plans", self.refresh)
        self._plans = gauge("kith_collector_plans")
        self._errors = counter("kith_collector_plans_errors_total")
        self._stamps = self._look()
        self.current: Mapping[str, Plan] = read_plans(self._files())
        self._plans.set(len(self.current))

    def start(self) -> None:
        """Begin to watch the folder."""
        if self._path is not None:
            self._watch.start()

    async def stop(self) -> None:
        """Stop watching."""
        await self._watch.stop()

    def refresh(self) -> bool:
        """Read the plans again if one changed; tell whether others are in force now."""
        stamps = self._look()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        before = self.current
        try:
            self.current = read_plans(self._files())
        except KithError as error:
            self._errors.inc()
            log.error("a tracking plan is wrong; all stay as they were", fault=str(error))
            return False
        for name, plan in self.current.items():
            former = before.get(name)
            if former is not None and former.document != plan.document and former.version >= plan.version:
                log.warning("a tracking plan changed without a greater version", source=name, version=plan.version)
        self._plans.set(len(self.current))
        log.info("tracking plans read", versions={name: plan.version for name, plan in self.current.items()})
        return True

    def _files(self) -> list[Path]:
        return [] if self._path is None else plan_files(self._path)

    def _look(self) -> Stamps:
        stamps: Stamps = {}
        for file in self._files():
            try:
                status = file.stat()
            except OSError:
                continue
            stamps[file.name] = (status.st_mtime_ns, status.st_size)
        return stamps


def plan_files(path: Path) -> list[Path]:
    """Return the plans' files at `path`, a folder or one file; none where there is nothing."""
    if path.is_file():
        return [path]
    try:
        return sorted(file for file in path.iterdir() if file.suffix in ENDINGS and not file.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise KithError(f"{path} cannot be read: {error}. Correct KITH_TRACKING_PLAN.") from error


def read_plans(files: list[Path]) -> dict[str, Plan]:
    """Return the plan of each source that a file is for. Raises `KithError` for a wrong file, or two for one source."""
    plans: dict[str, Plan] = {}
    for file in files:
        try:
            plan = parse_plan(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise KithError(f"{file} cannot be read: {error}") from error
        for source in plan.document.sources or (file.stem,):
            if source in plans:
                raise KithError(f"{file}: the source {source!r} has a plan already; one file may list several sources.")
            plans[source] = plan
    return plans
