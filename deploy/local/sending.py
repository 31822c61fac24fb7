"""Messages to the collector, in batches, until it has acknowledged them: what `kith send`, `import` and `demo` share.

Several requests are on their way at once; what is reported as done is always the beginning of what was given, so that
whoever remembers the last report can go on there.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

import httpx2

from schemas.codec import dumps
from schemas.errors import KithError

# Well below what the collector takes at once (2,500 events, 4 MB).
BATCH_EVENTS = 500
BATCH_BYTES = 1 << 20
IN_FLIGHT = 4
REQUEST_TIMEOUT_S = 60.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
# How long the collector may answer "not now" to one request before a command gives up.
PATIENCE_S = 120.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

Mark = TypeVar("Mark")


class Batch(NamedTuple, Generic[Mark]):
    """JSON messages, and what their sender wants to hear when all of them are safe."""

    messages: list[bytes]
    mark: Mark


class Collector(NamedTuple):
    """Where to send, and as which source."""

    url: str
    write_key: str


async def send_batches(
    collector: Collector,
    path: str,
    batches: Iterable[Batch[Mark]],
    done: Callable[[Batch[Mark]], None],
    patience_s: float = PATIENCE_S,
) -> None:
    """Post every batch to `path`, calling `done` for each, in order, once it is acknowledged.

    Raises `KithError`, with what to do, when the collector refuses a batch or takes nothing for `patience_s`; what
    `done` was called for is safe.
    """
    waiting: deque[tuple[Batch[Mark], asyncio.Task[None]]] = deque()

    async def first_done() -> None:
        batch, task = waiting[0]
        await task
        waiting.popleft()
        done(batch)

    async with httpx2.AsyncClient(
        base_url=collector.url, auth=(collector.write_key, ""), timeout=REQUEST_TIMEOUT_S, trust_env=False
    ) as client:
        try:
            for batch in batches:
                if len(waiting) == IN_FLIGHT:
                    await first_done()
                task = asyncio.create_task(_post(client, path, body_of(batch.messages), patience_s))
                waiting.append((batch, task))
            while waiting:
                await first_done()
        finally:
            for _, task in waiting:
                task.cancel()
            await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


def body_of(messages: list[bytes]) -> bytes:
    """Return the body of a batch request."""
    return b'{"batch":[' + b",".join(messages) + b"]}"


async def _post(client: httpx2.AsyncClient, path: str, body: bytes, patience_s: float) -> None:
    deadline = asyncio.get_running_loop().time() + patience_s
    pause = FIRST_PAUSE_S
    while True:
        try:
            response = await client.post(path, content=body, headers={"content-type": "application/json"})
        except httpx2.TransportError as error:
            trouble, asked = f"does not answer ({type(error).__name__})", None
        else:
            if response.status_code == 200:
                return
            if response.status_code not in _AGAIN:
                raise KithError(f"The collector refuses: {_message(response)}")
            trouble, asked = f"says: {_message(response)}", response.headers.get("retry-after")
        wait = float(asked) if asked and asked.isdigit() else pause
        if asyncio.get_running_loop().time() + wait > deadline:
            raise KithError(
                f"The collector at {client.base_url} {trouble}. See `kith status`; then run the same command again."
            )
        await asyncio.sleep(wait)
        pause = min(LONGEST_PAUSE_S, pause * 2)


def _message(response: httpx2.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"


class Batcher(Generic[Mark]):
    """Collects messages into batches of at most `BATCH_EVENTS` and about `BATCH_BYTES`."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self._bytes = 0

    def add(self, message: object) -> bool:
        """Take a message in; tell whether the batch is full."""
        written = dumps(message)
        self.messages.append(written)
        self._bytes += len(written)
        return len(self.messages) >= BATCH_EVENTS or self._bytes >= BATCH_BYTES

    def take(self, mark: Mark) -> Batch[Mark]:
        """Return what was collected, and begin anew."""
        batch = Batch(self.messages, mark)
        self.messages, self._bytes = [], 0
        return batch
