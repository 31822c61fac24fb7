"""The progress bar of commands that plan or apply a policy."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from deploy.local.planning import Progress as Report


@contextmanager
def shown(console: Console | None = None) -> Iterator[Report]:
    """Show on standard error what is going on, and how much of it is done, until the block ends."""
    display = Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<44}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console or Console(stderr=True),
        transient=True,
    )
    with display:
        task = display.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            display.update(task, description=what, completed=done, total=total or None)

        yield report
