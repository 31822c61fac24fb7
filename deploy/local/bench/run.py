"""Carries out benches one after another, in a temporary folder, and gives them what they share."""

import asyncio
import signal
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from deploy.local.bench.conditions import conditions
from deploy.local.bench.cost import check_supported
from deploy.local.bench.registry import Entry
from deploy.local.bench.result import Document, Result, document_of
from deploy.local.bench.stage import Stage, open_stage

Show = Callable[[str], None]


class Bench:
    """What a bench is given: how much to do, where, whom to tell; and the stack with many people that some share."""

    def __init__(self, scale: float, folder: Path, show: Show, shared: AsyncExitStack) -> None:
        self.scale = scale
        self.folder = folder
        self.show = show
        self._shared = shared
        self._populated: tuple[Stage, Result] | None = None

    def size(self, full: int, least: int = 1) -> int:
        """Return how many of something to use: `full` times the scale, never fewer than `least`."""
        return max(least, round(full * self.scale))

    async def populated(self) -> tuple[Stage, Result]:
        """Return a stack with 100,000 people (times the scale), and what was measured of the worker on the way."""
        if self._populated is None:
            from deploy.local.bench.population import populate

            stage = await self._shared.enter_async_context(open_stage(self.folder / "population", self.show))
            self._populated = (stage, await populate(self, stage))
        return self._populated


def run_benches(entries: Sequence[Entry], scale: float, show: Callable[[str, str], None]) -> Document:
    """Run benches and return what they found. `show` is told (bench, step). Call from the main thread.

    Raises `KithError` when one of them cannot be carried out.
    """
    check_supported()
    # Asked to end, it stops what it has started and removes its folder, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = conditions(scale)
    return document_of(asyncio.run(_run(entries, scale, show)), found)


async def _run(entries: Sequence[Entry], scale: float, show: Callable[[str, str], None]) -> dict[str, Result]:
    results: dict[str, Result] = {}
    current = ""
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as folder:
        async with AsyncExitStack() as shared:
            bench = Bench(scale, Path(folder), lambda step: show(current, step), shared)
            for entry in entries:
                current = entry.name
                show(current, entry.summary)
                results[current] = await entry.measure(bench)
    return results
