"""Changes on their way out: one receiver and one stream at full speed, then a hundred receivers of which ten are dead.

Changes are put straight into `segments.changes`, as the worker does; the receivers answer at once, in this process.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Producer

from deploy.local.bench.receivers import Receivers
from deploy.local.bench.result import Result, percentile
from deploy.local.bench.run import Bench
from deploy.local.bench.stage import HOST, Stage, open_stage
from processors.segments.changes import change_id
from schemas.codec import SCHEMA_VERSION, dumps, loads
from schemas.errors import KithError
from schemas.identifier import Identifier, seed_of
from schemas.records import SegmentChange
from schemas.settings import Settings
from schemas.times import to_iso

CHANGES = 20_000
RECEIVERS = 100
DEAD = 10
RATE = 10
SECONDS = 30
_PATIENCE_S = 300.0
_EVENT = b"event: segment.change"


async def measure(bench: Bench) -> Result:
    """Return changes/s of one webhook receiver and of one stream, and the p99 of the living ones' delay in ms."""
    os.environ["KITH_WEBHOOK_ALLOW_PRIVATE"] = "true"
    os.environ["KITH_SEGMENT_CHECK_S"] = "0"
    receivers = Receivers()
    await receivers.start()
    result = Result(sizes={"receivers": RECEIVERS, "dead": DEAD, "rate": RATE})
    try:
        async with open_stage(bench.folder / "webhooks", bench.show) as stage:
            await stage.start("api")
            changes = _changes(bench.size(CHANGES, 500), "one")
            bench.show(f"{len(changes):,} changes to one receiver")
            id_ = await _subscribe(stage, f"http://{HOST}:{receivers.port}/one")
            result.add("segments_webhooks_one", await _one(stage.settings, receivers, changes), "changes/s")
            await stage.ask_api("DELETE", f"/v1/subscriptions/{id_}")
            bench.show(f"{len(changes):,} changes to one stream")
            streamed = _changes(len(changes), "stream")
            result.add("segments_stream_one", await _stream(stage, streamed), "changes/s")
            await _hundred(bench, stage, receivers, result)
    finally:
        await receivers.stop()
    return result


def _changes(count: int, name: str) -> list[SegmentChange]:
    found = []
    for number in range(count):
        profile_id = seed_of(Identifier("user_id", f"{name}-{number % 1_000}"))
        sequence = 1 + number // 1_000
        change: SegmentChange = {
            "schema_version": SCHEMA_VERSION,
            "change_id": change_id(profile_id, name, sequence),
            "segment_id": name,
            "segment_version": 1,
            "profile_id": profile_id,
            "change": "entered" if sequence % 2 else "exited",
            "sequence": sequence,
            "at": to_iso(1_800_000_000_000 + number),
            "because": {"kind": "event", "event_id": profile_id},
            "identifiers": [{"type": "email", "value": f"{name}-{number}@mail.example"}],
            "aliases": [profile_id],
        }
        found.append(change)
    return found


class _Log:
    """Writes changes into the log."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.changes
        self._producer = Producer(
            {"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5}
        )

    def write(self, changes: Sequence[SegmentChange]) -> dict[str, float]:
        """Write changes; return, by id, when (`time.monotonic`) each was handed over."""
        at = {}
        for change in changes:
            self._producer.produce(self._topic, dumps(change), change["profile_id"])
            at[change["change_id"]] = time.monotonic()
            self._producer.poll(0)
        if self._producer.flush(30):
            raise KithError("Kafka did not take the bench's changes.")
        return at


async def _subscribe(stage: Stage, url: str) -> str:
    status, body = await stage.ask_api("POST", "/v1/subscriptions", dumps({"url": url}))
    if status != 201:
        raise KithError(f"The api refuses a subscription: {body.decode('utf-8', 'replace')}")
    return str(loads(body)["id"])


async def _one(settings: Settings, receivers: Receivers, changes: list[SegmentChange]) -> float:
    await asyncio.to_thread(_Log(settings).write, changes)
    came = receivers.came.setdefault("/one", {})
    await _until(lambda: len(came) == len(changes), "Not every change has come to the one receiver.")
    return len(changes) / (max(came.values()) - min(came.values()))


async def _stream(stage: Stage, changes: list[SegmentChange]) -> float:
    reader, writer = await asyncio.open_connection(HOST, stage.port("api"), limit=1 << 20)
    lines = [f"{name}: {value}" for name, value in stage.api_headers.items()]
    writer.write("\r\n".join(["GET /v1/segments/changes HTTP/1.1", "host: localhost", *lines, "", ""]).encode())
    await reader.readuntil(b"retry:")
    asyncio.get_running_loop().run_in_executor(None, _Log(stage.settings).write, changes)
    seen, first, rest = 0, 0.0, b""
    async with asyncio.timeout(_PATIENCE_S):
        while seen < len(changes):
            piece = await reader.read(1 << 18)
            if not piece:
                raise KithError("The stream ended.")
            first = first or time.monotonic()
            seen += (rest + piece).count(_EVENT)
            # An event's beginning may lie across two pieces.
            rest = (rest + piece)[1 - len(_EVENT) :]
    writer.close()
    return seen / (time.monotonic() - first)


async def _hundred(bench: Bench, stage: Stage, receivers: Receivers, result: Result) -> None:
    """Publish at a steady rate while ten of a hundred receivers hang or are not there."""
    living = [f"/live-{number}" for number in range(RECEIVERS - DEAD)]
    bench.show(f"{RECEIVERS} receivers, {DEAD} of them dead")
    for path in [*living, *(f"/hang-{number}" for number in range(DEAD // 2))]:
        await _subscribe(stage, f"http://{HOST}:{receivers.port}{path}")
    for number in range(DEAD - DEAD // 2):
        await _subscribe(stage, f"http://{HOST}:1/refused-{number}")
    await asyncio.sleep(2)
    log = _Log(stage.settings)
    at: dict[str, float] = {}
    changes = _changes(bench.size(RATE * SECONDS, 50), "many")
    started = time.monotonic()
    for number in range(0, len(changes), RATE):
        at |= await asyncio.to_thread(log.write, changes[number : number + RATE])
        await asyncio.sleep(max(0.0, started + 1 + number / RATE - time.monotonic()))

    def arrived() -> bool:
        return all(len(receivers.came.get(path, {})) == len(changes) for path in living)

    await _until(arrived, "Not every change has come to every living receiver.")
    waits = [(came - at[id_]) * 1000 for path in living for id_, came in receivers.came[path].items()]
    result.add("segments_webhooks_p50", percentile(waits, 0.5), "ms")
    result.add("segments_webhooks_p99", percentile(waits, 0.99), "ms")
    result.add(
        "segments_webhooks_rate", len(waits) / (max(map(max, _times(receivers, living))) - started), "deliveries/s"
    )


def _times(receivers: Receivers, paths: list[str]) -> list[list[float]]:
    return [list(receivers.came[path].values()) for path in paths]


async def _until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise KithError(otherwise)
        await asyncio.sleep(0.05)
