"""kill -9 of the worker: how long until an event that was acknowledged afterwards has its effect.

The supervisor starts the worker again, as it does for everybody; events come steadily all the while.
"""

import asyncio
import os
import signal
import time
import uuid

from deploy.local.bench.changes import ChangeReader
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.stage import HOST
from deploy.local.bench.wire import Connection, check, post
from schemas.codec import dumps
from schemas.errors import KithError
from schemas.identifier import event_id_of

ROUNDS = 3
_EVERY_S = 0.02
_PATIENCE_S = 120.0


async def measure(bench: Bench) -> Result:
    """Return the longest of the rounds, in seconds."""
    stage, population = await bench.populated()
    rounds = bench.size(ROUNDS, 1)
    found = []
    for number in range(1, rounds + 1):
        bench.show(f"kill {number} of {rounds}")
        connection = await Connection.open(HOST, stage.port("collector"))
        reader = ChangeReader(stage.settings)
        try:
            found.append(await kill(stage.pid("worker-1"), connection, stage.credentials.write_key, reader))
        finally:
            connection.close()
            await asyncio.to_thread(reader.close)
        await stage.caught_up()
    result = Result(sizes={**population.sizes, "kills": rounds})
    result.add("restart", max(found), "s")
    return result


async def kill(pid: int, connection: Connection, key: str, reader: ChangeReader) -> float:
    """Return the seconds from the kill to the first change that an event sent after it leads to."""
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    sent: list[str] = []
    while time.monotonic() - killed < _PATIENCE_S:
        name = uuid.uuid4().hex
        # Somebody new who looks at a product: a change of several segments at once.
        message = {"messageId": name, "event": "Product Viewed", "userId": f"new-{name}", "properties": {}}
        check(*await connection.ask(post("/v1/track", dumps(message), key)))
        sent.append(event_id_of("default", name))
        first = min((at for event_id in sent if (at := reader.seen(event_id)) is not None), default=None)
        if first is not None:
            return first - killed
        await asyncio.sleep(_EVERY_S)
    raise KithError(f"The worker did not process an event within {_PATIENCE_S:.0f} s after it was killed.")
