"""What one event costs the worker in its folds and stores, beside merely decoding it: CPU time of one thread."""

import time

from deploy.local.bench.cost import cycles_left_alone
from deploy.local.bench.filling import Filled, records
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.segments import SEGMENTS
from deploy.local.bench.shop import STEP_MS, traffic
from deploy.local.bench.units import Units
from schemas.codec import loads

EVENTS = 40_000
PEOPLE = 6_000
PARTITIONS = 4
BATCH = 500


async def measure(bench: Bench) -> Result:
    """Return microseconds per event, all that follows from it included: identity, moves, segments."""
    events = bench.size(EVENTS, 1_000)
    bench.show(f"{events:,} events")
    opened = time.time_ns() // 1_000_000 - events * STEP_MS
    filled = list(records(traffic(events, bench.size(PEOPLE, 60)), opened))
    units = Units(bench.folder / "units", PARTITIONS, SEGMENTS)
    try:
        units.put(filled)
        with cycles_left_alone():
            units.run(BATCH)
        used = units.seconds
    finally:
        units.close()
    result = Result(sizes={"events": events, "partitions": PARTITIONS, "batch": BATCH, "counts": units.counts})
    result.add("worker_fold", sum(used.values()) / events * 1e6, "µs/event", _decoding(filled) / events * 1e6)
    for part, seconds in used.items():
        result.add(f"worker_fold_{part}", seconds / events * 1e6, "µs/event")
    identity = sum(units.units["identity"].seconds.values())
    result.add("worker_fold_identity", identity / events * 1e6, "µs/event")
    return result


def _decoding(filled: list[Filled]) -> float:
    started = time.thread_time()
    for record in filled:
        loads(record.value)
    return time.thread_time() - started
