"""Kafka frozen, killed, away from the start: nothing acknowledged is lost, and service comes back by itself."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deploy.local.topics import ensure_topics
from schemas.settings import Settings
from tests.parts.collector import WRITE_KEY, Collector, running_collector
from tests.parts.kafka import Kafka, running_kafka

PREFIX = "trouble."
FROZEN_S = 10.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Kafka]:
    """A Kafka of one's own, with topics."""
    with running_kafka(tmp_path / "kafka") as kafka:
        ensure_topics(Settings(kafka_bootstrap=kafka.bootstrap, topic_prefix=PREFIX))
        yield kafka


@dataclass
class Writer:
    """Sends as an SDK does: the same message again until it is acknowledged, after what `Retry-After` says."""

    url: str
    acknowledged: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    slowest: float = 0.0

    async def run(self, client: httpx2.AsyncClient, until: float) -> None:
        while time.monotonic() < until:
            await self.send(client, str(uuid.uuid4()))

    async def send(self, client: httpx2.AsyncClient, message_id: str) -> None:
        body = {"type": "page", "userId": f"u-{message_id[:4]}", "messageId": message_id}
        while True:
            began = time.monotonic()
            answer = await client.post(f"{self.url}/v1/page", json=body, auth=(WRITE_KEY, ""))
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.statuses.append(answer.status_code)
            if answer.status_code == 200:
                self.acknowledged.append(message_id)
                return
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] == "unavailable"
            await asyncio.sleep(int(answer.headers["retry-after"]))


async def write(collector: Collector, seconds: float, trouble: Any, writers: int = 8) -> Writer:
    """Write with several writers for some seconds, while `trouble()` happens in the middle."""
    writer = Writer(collector.url)
    async with httpx2.AsyncClient(timeout=60) as client:
        until = time.monotonic() + seconds
        tasks = [asyncio.create_task(writer.run(client, until)) for _ in range(writers)]
        await asyncio.sleep(1.0)
        await asyncio.to_thread(trouble)
        await asyncio.gather(*tasks)
    return writer


def kept_ids(collector: Collector) -> list[str]:
    return [event["message_id"] for event in collector.events()]


async def test_frozen_for_ten_seconds(broker: Kafka, tmp_path: Path) -> None:
    def freeze() -> None:
        broker.freeze()
        time.sleep(FROZEN_S)
        broker.thaw()

    with running_collector(
        tmp_path, broker.bootstrap, PREFIX, topics=False, KITH_ACKNOWLEDGE_TIMEOUT_S="2"
    ) as collector:
        writer = await write(collector, 14.0, freeze)
        assert 503 in writer.statuses, "a sender is told to come back"
        assert writer.slowest < FROZEN_S - 1, "nobody waits until Kafka is back: the time-out is 2 s"
        assert writer.statuses[-1] == 200
        assert set(kept_ids(collector)) >= set(writer.acknowledged)
        assert httpx2.get(f"{collector.url}/readyz").status_code == 200


async def test_killed_and_started_again(broker: Kafka, tmp_path: Path) -> None:
    def restart() -> None:
        broker.kill()
        time.sleep(2)
        broker.start()

    with running_collector(
        tmp_path, broker.bootstrap, PREFIX, topics=False, KITH_ACKNOWLEDGE_TIMEOUT_S="2"
    ) as collector:
        writer = await write(collector, 14.0, restart)
        assert writer.statuses[-1] == 200
        ids = kept_ids(collector)
        assert set(ids) >= set(writer.acknowledged)


async def test_away_from_the_start(tmp_path: Path) -> None:
    with (
        running_kafka(tmp_path / "kafka", start=False) as kafka,
        running_collector(tmp_path, kafka.bootstrap, PREFIX, topics=False, ready=False) as collector,
    ):
        answer = httpx2.get(f"{collector.url}/readyz", timeout=30)
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        page = {"type": "page", "userId": "u", "messageId": "m"}
        answer = httpx2.post(f"{collector.url}/v1/page", json=page, auth=(WRITE_KEY, ""), timeout=30)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        await asyncio.to_thread(kafka.start)
        deadline = time.monotonic() + 60
        while "does not exist" not in httpx2.get(f"{collector.url}/readyz", timeout=30).json()["detail"]:
            assert time.monotonic() < deadline, "it says which topic is missing"
            await asyncio.sleep(0.2)
        ensure_topics(Settings(kafka_bootstrap=kafka.bootstrap, topic_prefix=PREFIX))
        while httpx2.get(f"{collector.url}/readyz", timeout=30).status_code != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        answer = httpx2.post(f"{collector.url}/v1/page", json=page, auth=(WRITE_KEY, ""), timeout=30)
        assert answer.status_code == 200
        assert kept_ids(collector) == ["m"]


async def test_memory_is_bounded_while_kafka_is_silent(broker: Kafka, tmp_path: Path) -> None:
    def resident(collector: Collector) -> int:
        pages = int(Path(f"/proc/{collector.process.pid}/statm").read_text().split()[1])
        return pages * 4096

    with running_collector(
        tmp_path,
        broker.bootstrap,
        PREFIX,
        topics=False,
        KITH_ACKNOWLEDGE_TIMEOUT_S="5",
        KITH_BUFFER_BYTES=str(16 << 20),
    ) as collector:
        event = {"type": "page", "userId": "u", "properties": {"x": "a" * 20_000}}
        body = {"batch": [event] * 20}
        async with httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=200)) as client:

            async def send() -> int:
                answer = await client.post(f"{collector.url}/v1/batch", json=body, auth=(WRITE_KEY, ""))
                return answer.status_code

            assert await send() == 200
            before = resident(collector)
            broker.freeze()
            try:
                # 240 MB in all, of which 16 MB may be held.
                statuses = await asyncio.gather(*(send() for _ in range(600)))
                grown = resident(collector) - before
            finally:
                broker.thaw()
            assert set(statuses) == {503}
            assert grown < 80 << 20, f"{grown >> 20} MB more"
            deadline = time.monotonic() + 60
            while await send() != 200:
                assert time.monotonic() < deadline, "service comes back by itself"
                await asyncio.sleep(0.5)
