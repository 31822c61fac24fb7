"""The path behind the collector: events in the log until identity, profiles, 20 segments and ClickHouse have them.

The events become visible at one instant, to processes that are up and wait; from then until everything has been
projected is the time. There are as many workers as cores, as an operator would start. The baseline is a stock Faust
agent that reads the same records and only decodes them. What each process has cost is told too: CPU time says more than
the clock on a machine that does other work.
"""

import asyncio
import os
import sys
import time

import orjson

from deploy.local.bench.conditions import cores
from deploy.local.bench.cost import cpu_seconds
from deploy.local.bench.filling import Filler, records
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.shop import STEP_MS, traffic
from deploy.local.bench.stage import Stage, open_stage
from deploy.local.child import leashed
from schemas.errors import KithError

PEOPLE = 6_000
_AGENT_S = 600.0


async def measure(bench: Bench) -> Result:
    """Return events per second, CPU time per event and process, and the same of the agent."""
    events = bench.size(100_000, 1_000)
    people = bench.size(PEOPLE, 60)
    async with open_stage(bench.folder / "pipeline", bench.show) as stage:
        workers = [f"worker-{number}" for number in range(1, min(cores(), stage.settings.partitions) + 1)]
        processes = (*workers, "projector", "clickhouse", "kafka")
        bench.show("starting workers, projector and api")
        await stage.start(*workers, "projector", "api")
        await stage.define_segments()
        bench.show(f"writing {events:,} events to the log")
        filler = await asyncio.to_thread(Filler, stage.settings)
        opened = time.time_ns() // 1_000_000 - events * STEP_MS
        await asyncio.to_thread(filler.write, records(traffic(events, people), opened))
        before = {name: cpu_seconds(stage.pid(name)) for name in processes}
        bench.show(f"{events:,} events on their way to ClickHouse")
        started = await asyncio.to_thread(filler.release)
        await stage.caught_up()
        seconds = time.monotonic() - started
        used = {name: cpu_seconds(stage.pid(name)) - before[name] for name in processes}
        await _check_archived(stage, events)
        bench.show("the stock agent decodes the same events")
        agent = await _agent(stage, events)
    result = Result(sizes={"events": events, "people": people, "segments": 20, "workers": len(workers)})
    result.add("pipeline", events / seconds, "events/s", events / agent["seconds"])
    for name in workers:
        used["worker"] = used.get("worker", 0.0) + used.pop(name)
    mine = used["worker"] + used["projector"]
    result.add("pipeline_cpu", mine / events * 1e6, "µs/event", agent["cpu_seconds"] / events * 1e6)
    for name, seconds_used in used.items():
        result.add(f"pipeline_cpu_{name}", seconds_used / events * 1e6, "µs/event")
    return result


async def _check_archived(stage: Stage, events: int) -> None:
    """Raise `KithError` unless ClickHouse has every event once: else the time measured is not that of the work."""
    status, body = await stage.ask_api("POST", "/v1/query", b'{"sql":"SELECT count() AS events FROM events"}')
    answer = orjson.loads(body)
    if status != 200 or int(answer["rows"][0][0]) != events:
        raise KithError(f"ClickHouse does not hold the bench's {events} events once each: {body[:300]!r}")


async def _agent(stage: Stage, events: int) -> dict[str, float]:
    """Run the stock agent over the events in the log; return the seconds and CPU seconds between its first and last."""
    report = stage.folder.run / "bare-agent.json"
    environment = {
        **os.environ,
        "KITH_KAFKA_BOOTSTRAP": stage.settings.bootstrap,
        "KITH_TOPIC_PREFIX": stage.settings.topic_prefix,
        "KITH_DATA_DIR": str(stage.folder.root),
        "KITH_BENCH_EVENTS": str(events),
        "KITH_BENCH_REPORT": str(report),
    }
    command = (sys.executable, "-m", "deploy.local.bench.bare_agent", "worker", "-l", "warn", "--without-web")
    with stage.folder.log_file("bare-agent").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*leashed(command), env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _AGENT_S
            while not report.exists():
                if process.returncode is not None or time.monotonic() > deadline:
                    raise KithError(f"The stock agent does not get through: see {log.name}.")
                await asyncio.sleep(0.1)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    found: dict[str, float] = orjson.loads(report.read_bytes())
    return found
