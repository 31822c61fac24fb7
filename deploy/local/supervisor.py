"""Holds the children of one stack: starts groups of them, tells the world what runs, stops them in reverse order."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from deploy.local.child import Child
from deploy.local.folder import DataFolder
from deploy.local.processes import ProcessSpec
from deploy.local.runtime import ProcessRecord, StackRecord, write_stack
from schemas.errors import KithError

# What a slow machine needs for a cold start with a large state; a process that dies is reported long before.
START_TIMEOUT_S = 300.0
_WRITE_AGAIN_S = 1.0


class Supervisor:
    """The processes of one stack, in groups; what runs is in `stack.json` at every moment.

    `record` is that file's content without the processes; whoever changes it calls `publish`. Use from the main thread.
    """

    def __init__(self, folder: DataFolder, record: StackRecord, show: Callable[[str], None]) -> None:
        self.record = record
        self._folder = folder
        self._show = show
        self._groups: list[list[Child]] = []
        self._restarts: dict[str, int] = {}
        self._again: asyncio.TimerHandle | None = None

    @property
    def children(self) -> list[Child]:
        """Return all children in the order in which they were started."""
        return [child for group in self._groups for child in group]

    async def start(self, specs: Sequence[ProcessSpec], timeout_s: float = START_TIMEOUT_S) -> dict[str, int]:
        """Start a group, wait until each of it is ready, and return their ports by name.

        Raises `KithError` when one of them does not start, or is not ready in time.
        """
        group = [Child(spec, self._folder, self.record["host"], self.publish) for spec in specs]
        self._groups.append(group)
        for child in group:
            child.start()
        try:
            # A group that cannot become ready is told at once, not when those before it are.
            async with asyncio.timeout(timeout_s):
                await _all_or_first_failure([self._ready(child) for child in group])
        except TimeoutError:
            late = next(child for child in group if child.state != "ready")
            raise KithError(
                f"{late.spec.name} is not ready after {timeout_s:.0f} s: {late.detail} (see {late.log.path})"
            ) from None
        return {child.spec.name: child.port for child in group}

    async def _ready(self, child: Child) -> None:
        await child.wait_ready()
        self._show(f"{child.spec.name} is ready on port {child.port}")

    async def stop(self) -> None:
        """Stop the last group first, the processes of a group at once."""
        for group in reversed(self._groups):
            await asyncio.gather(*(child.stop() for child in reversed(group)))

    def kill(self) -> None:
        """End every process at once."""
        for child in self.children:
            child.kill()

    def step(self, text: str, **changes: Any) -> None:
        """Say what happens now, and change the record's fields."""
        self.record.update({"step": text, **changes})  # type: ignore[typeddict-item]
        self.publish()
        self._show(text)

    def publish(self) -> None:
        """Write what runs, and how each process does, to `stack.json`; on a full disk, as soon as there is room."""
        self.record["processes"] = [describe(child) for child in self.children]
        try:
            write_stack(self._folder, self.record)
        except OSError:
            # Raised, it would end the task that keeps a process running.
            if self._again is None or self._again.when() <= asyncio.get_running_loop().time():
                self._again = asyncio.get_running_loop().call_later(_WRITE_AGAIN_S, self.publish)
        for child in self.children:
            if child.restarts > self._restarts.setdefault(child.spec.name, 0):
                self._restarts[child.spec.name] = child.restarts
                self._show(f"{child.spec.name} {child.detail}: it is started again")


async def _all_or_first_failure(waiting: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Return when all have returned, or raise what the first of them raises."""
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def describe(child: Child) -> ProcessRecord:
    """Return the record of one child."""
    return {
        "name": child.spec.name,
        "pid": child.pid,
        "port": child.port,
        "state": child.state,
        "detail": child.detail,
        "restarts": child.restarts,
        "started_at": child.started_at,
    }
