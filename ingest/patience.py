"""Letting go of senders that stop in the middle of a request, at next to no cost for those that do not.

A timer per request would cost more than reading the request; one look around every few seconds costs nothing.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any


class Patience:
    """Cancels what is inside `waiting` for longer than `limit_s`, up to a second or so late."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._since: dict[asyncio.Task[Any], float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look around."""
        self._task = asyncio.create_task(self._look_around(), name="patience")

    async def stop(self) -> None:
        """Stop looking around."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Raise `TimeoutError` inside the block once it has taken longer than `limit_s`."""
        task = asyncio.current_task()
        assert task is not None
        self._since[task] = monotonic()
        try:
            yield
        except asyncio.CancelledError:
            # Cancelled by us if we forgot the task, by somebody else if we did not.
            if task in self._since:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            self._since.pop(task, None)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self.limit_s / 4))
            late = monotonic() - self.limit_s
            for task, since in list(self._since.items()):
                if since < late:
                    del self._since[task]
                    task.cancel()
