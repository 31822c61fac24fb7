"""A log in memory, in place of Kafka, and a collector that writes to it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from starlette.testclient import TestClient

from ingest.app import create_app
from ingest.budget import UnavailableError
from ingest.producer import Record
from schemas.settings import Settings

KEY = "wk_test"


class MemoryLog:
    """Keeps what is written; `away` makes it refuse, as the producer does while Kafka is away."""

    def __init__(self) -> None:
        self.records: list[tuple[Record, int]] = []
        self.away = False

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def write(self, records: Sequence[Record], timestamp_ms: int) -> asyncio.Future[None]:
        if self.away:
            raise UnavailableError("Kafka is away")
        self.records.extend((record, timestamp_ms) for record in records)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def ready(self) -> tuple[bool, str]:
        return not self.away, "Kafka is away" if self.away else "Kafka answers"

    def values(self, topic: str) -> list[dict[str, Any]]:
        """Return what the topic holds; `events` means all four channels."""
        held = [record for record, _ in self.records if f".{topic}" in record[0]]
        return [orjson.loads(value) for _, _, value in held]

    def events(self) -> list[dict[str, Any]]:
        return [value for value in self.values("events.") if "event_id" in value]

    def dead_letters(self) -> list[dict[str, Any]]:
        return self.values("events.rejected")


@contextmanager
def collector(**settings: Any) -> Iterator[tuple[TestClient, MemoryLog]]:
    """A client of a collector that takes `KEY`, and the log behind it."""
    log = MemoryLog()
    app = create_app(Settings(**{"write_keys": KEY, **settings}), log)
    with TestClient(app, raise_server_exceptions=True) as client:
        yield client, log
