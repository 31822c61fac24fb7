"""Looking at a file now and then, so that a change of it counts without a restart."""

import asyncio
from collections.abc import Callable

LOOK_EVERY_S = 1.0


class Watch:
    """Calls `look` every second, from `start` to `stop`; `look` raises nothing."""

    def __init__(self, name: str, look: Callable[[], object]) -> None:
        self._name = name
        self._look = look
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._look()
