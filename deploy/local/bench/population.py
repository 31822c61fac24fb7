"""A stack that knows many people; what the worker's memory was on the way."""

import asyncio
import time

from deploy.local.bench.cost import resident_bytes
from deploy.local.bench.filling import fill, records
from deploy.local.bench.people import logins
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.stage import Stage

PEOPLE = 100_000
# After its start a process gives back what only the start has needed.
_SETTLE_S = 3.0
_MB = 1e6


async def populate(bench: Bench, stage: Stage) -> Result:
    """Let everybody log in once, with a user id and an address; return the worker's memory before and after."""
    people = bench.size(PEOPLE, 1_000)
    bench.show("starting collector, worker, projector and api")
    await stage.start("collector", "worker-1", "projector", "api")
    await stage.define_segments()
    await asyncio.sleep(_SETTLE_S)
    idle = resident_bytes(stage.pid("worker-1"))
    bench.show(f"{people:,} people log in")
    opened = time.time_ns() // 1_000_000 - people
    await asyncio.to_thread(fill, stage.settings, records(logins(people), opened))
    await stage.caught_up()
    await asyncio.sleep(_SETTLE_S)
    full = resident_bytes(stage.pid("worker-1"))
    result = Result(sizes={"profiles": people, "identifiers": 2 * people, "segments": 20, "workers": 1})
    result.add("memory", (full - idle) / _MB / people * 100_000, "MB/100,000 profiles")
    result.add("memory_idle", idle / _MB, "MB")
    result.add("memory_full", full / _MB, "MB")
    return result
