"""What `kith rebuild` does around the rebuild itself: one at a time, and told as it goes."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import Error
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.local.folder import DataFolder
from deploy.local.runtime import Lock
from projections.batch import projections
from projections.clickhouse import connect
from projections.groups import choose, groups_of
from projections.log import Log
from projections.masking import Masking, Requests
from projections.rebuild import Rebuild, check_complete
from schemas.errors import KithError
from schemas.settings import Settings


def run_rebuild(settings: Settings, only: list[str], abandon: bool) -> None:
    """Rebuild these projections, or all; or remove what an interrupted rebuild left of them.

    Raises `KithError` before anything is changed when the log is not complete or another rebuild runs.
    """
    groups = choose(only, groups_of(projections(settings.topics)))
    with _alone(settings):
        log = Log(settings)
        try:
            client = connect(settings, settings.clickhouse_database)
            if not abandon:
                check_complete(log, groups, settings.topic_prefix)
            requests = Requests(settings)
            masking = Masking(requests, settings.topics)
            with _bar() as bar:
                for group in groups:
                    task = bar.add_task(group.name, total=None, step="")

                    def show(step: str, done: int, total: int, task: int = task) -> None:
                        bar.update(task, step=step, completed=done, total=total)  # type: ignore[arg-type]

                    work = Rebuild(settings, client, log, group, show, masking)
                    started = time.monotonic()
                    if abandon:
                        work.abandon()
                        told = "what an earlier rebuild left is gone"
                    else:
                        records = work.run()
                        told = f"rebuilt from {records:,} records in {time.monotonic() - started:.1f} s"
                    bar.update(task, step="done", completed=1, total=1)
                    bar.console.print(f"{group.name}: {told}", highlight=False)
        except (Error, OSError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise KithError(
                f"ClickHouse does not do as asked ({reason}). What was done is kept: run `kith rebuild` again."
            ) from error
        finally:
            log.close()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the right to rebuild from this data folder. Raises `KithError` when somebody else has it."""
    folder = DataFolder.at(settings.data_dir)
    folder.create()
    lock = Lock(folder.root / "rebuild.lock")
    try:
        if not lock.acquire():
            raise KithError("A rebuild runs already: wait for its end, or stop it; the next one goes on from there.")
        yield
    finally:
        lock.close()


def _bar() -> Progress:
    """Return a progress display; without a terminal only what is done is told, line by line."""
    return Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[step]}"),
        TimeElapsedColumn(),
        console=Console(file=sys.stdout),
        transient=True,
    )
