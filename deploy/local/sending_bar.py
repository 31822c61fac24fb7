"""The progress bar of commands that send: how far, how many events, how many a second."""

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text


class RateColumn(ProgressColumn):
    """Events so far, and events per second since the start."""

    def render(self, task: Task) -> Text:
        """Return what stands beside the bar."""
        events = int(task.fields["events"])
        rate = f"{events / task.elapsed:>8,.0f}/s" if task.elapsed else ""
        return Text(f"{events:>9,} events {rate}")


def bar(console: Console | None = None) -> Progress:
    """Return a progress display, a context manager; its tasks have a field `events`. It is drawn on standard error."""
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=30),
        RateColumn(),
        TimeElapsedColumn(),
        console=console or Console(stderr=True),
    )
