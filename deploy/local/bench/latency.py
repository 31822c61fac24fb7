"""From the collector's acknowledgement of an event to the change that follows from it on `segments.changes`.

The shop's own mix at a steady rate; what counts are the events that some change names as its reason. Orders take the
longer way, over their own unit to the customer's.
"""

import asyncio
import time
from collections.abc import Iterator

from deploy.local.bench.changes import ChangeReader
from deploy.local.bench.result import Result, percentile
from deploy.local.bench.run import Bench
from deploy.local.bench.shop import traffic
from deploy.local.bench.stage import HOST, open_stage
from deploy.local.bench.wire import Connection, check, post
from schemas.codec import dumps
from schemas.errors import KithError
from schemas.identifier import event_id_of

RATE = 500
SECONDS = 20
WARM_UP_S = 5
PEOPLE = 6_000
CONNECTIONS = 32


async def measure(bench: Bench) -> Result:
    """Return the median and the 99th percentile in milliseconds."""
    seconds = bench.size(SECONDS, 2)
    warm_up = bench.size(WARM_UP_S, 1)
    async with open_stage(bench.folder / "latency", bench.show) as stage:
        bench.show("starting collector, worker, projector and api")
        await stage.start("collector", "worker-1", "projector", "api")
        await stage.define_segments()
        key = stage.credentials.write_key
        requests = [
            (event_id_of("default", message["messageId"]), post(f"/v1/{message['type']}", dumps(message), key))
            for _, message in traffic((warm_up + seconds) * RATE, bench.size(PEOPLE, 200))
        ]
        reader = ChangeReader(stage.settings)
        try:
            bench.show(f"{RATE} events/s for {seconds} s")
            acknowledged = await send_steadily(stage.port("collector"), requests, RATE)
            await stage.caught_up()
        finally:
            changed = await asyncio.to_thread(reader.close)
    counted = [event_id for event_id, _ in requests[warm_up * RATE :]]
    waits = [(changed[each] - acknowledged[each]) * 1000 for each in counted if each in changed]
    if not waits:
        raise KithError("No event of the bench led to a change on segments.changes.")
    result = Result(sizes={"rate": RATE, "seconds": seconds, "changes": len(waits), "segments": 20})
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        # A change may be read before the sender has read the acknowledgement of its event.
        result.add(f"latency_{name}", max(0.0, percentile(waits, share)), "ms")
    return result


async def send_steadily(port: int, requests: list[tuple[str, bytes]], rate: float) -> dict[str, float]:
    """Send each request at its time, whether or not those before are answered; return when each was acknowledged."""
    acknowledged: dict[str, float] = {}
    connections = [await Connection.open(HOST, port) for _ in range(CONNECTIONS)]
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in connections:
        idle.put_nowait(connection)

    async def send(connection: Connection, name: str, data: bytes) -> None:
        check(*await connection.ask(data))
        acknowledged[name] = time.monotonic()
        idle.put_nowait(connection)

    try:
        async with asyncio.TaskGroup() as sending:
            for (name, data), at in zip(requests, _times(rate), strict=False):
                await asyncio.sleep(max(0.0, at - time.monotonic()))
                sending.create_task(send(await idle.get(), name, data))
    finally:
        for connection in connections:
            connection.close()
    return acknowledged


def _times(rate: float) -> Iterator[float]:
    start = time.monotonic()
    number = 0
    while True:
        yield start + number / rate
        number += 1
