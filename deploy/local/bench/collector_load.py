"""The collector and a bare Starlette route take the same requests in turns: events per CPU second of each process.

In turns, because a machine that does other work is slower at one moment than at another; the medians are compared.
"""

import sys
from collections.abc import Sequence
from statistics import median

from deploy.local.bench.cost import cpu_seconds
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.shop import sized, traffic
from deploy.local.bench.stage import HOST, open_stage
from deploy.local.bench.wire import flood, post
from deploy.local.processes import Probe, ProcessSpec
from schemas.serving import PORT_FILE_VARIABLE

EVENT_BYTES = 700
PEOPLE = 6_000
ROUNDS = 5
CONNECTIONS = 32


def bodies(events: int, a_batch: int) -> list[bytes]:
    """Return request bodies with messages of 700 bytes, `a_batch` in each; 1 is a message by itself."""
    messages = [sized(message, EVENT_BYTES) for _, message in traffic(events, PEOPLE)]
    if a_batch == 1:
        return messages
    return [b'{"batch":[' + b",".join(messages[at : at + a_batch]) + b"]}" for at in range(0, len(messages), a_batch)]


async def compare(bench: Bench, name: str, events: int, a_batch: int) -> Result:
    """Measure both with `events` events a round."""
    content = bodies(events, a_batch)
    async with open_stage(bench.folder / name, bench.show, clickhouse=False) as stage:
        await stage.start("collector")
        await stage.run(
            ProcessSpec(
                "bare-route",
                (sys.executable, "-m", "deploy.local.bench.bare_route"),
                0,
                Probe.READY,
                environment={
                    "KITH_KAFKA_BOOTSTRAP": stage.settings.bootstrap,
                    "KITH_TOPIC_PREFIX": stage.settings.topic_prefix,
                    PORT_FILE_VARIABLE: str(stage.folder.port_file("bare-route")),
                },
            )
        )
        key = stage.credentials.write_key
        requests = [post(_path(body, a_batch), body, key) for body in content]
        rates: dict[str, list[float]] = {"collector": [], "bare-route": []}
        for number in range(ROUNDS + 1):
            bench.show(f"round {number} of {ROUNDS}" if number else "warming up")
            sent = requests if number else requests[: len(requests) // 4 + 1]
            for process, found in rates.items():
                rate = await _rate(stage.port(process), stage.pid(process), sent)
                if number:
                    found.append(rate * events / len(requests))
    result = Result(sizes={"events": events, "rounds": ROUNDS, "batch": a_batch, "connections": CONNECTIONS})
    result.add(name, median(rates["collector"]), "events/CPU s", median(rates["bare-route"]))
    return result


async def _rate(port: int, pid: int, requests: Sequence[bytes]) -> float:
    """Return requests per CPU second."""
    before = cpu_seconds(pid)
    await flood(HOST, port, requests, CONNECTIONS)
    return len(requests) / max(cpu_seconds(pid) - before, 0.01)


def _path(body: bytes, a_batch: int) -> str:
    # A single message goes where its type says, as an SDK sends it.
    return "/v1/batch" if a_batch > 1 else next(f"/v1/{t}" for t in ("track", "page", "identify") if _is(body, t))


def _is(body: bytes, type_: str) -> bool:
    return body.startswith(b'{"type":"%s"' % type_.encode())
