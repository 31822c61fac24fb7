"""A million people whose window ends some day, and the path with that behind it.

Memory of the worker, restart after kill -9, how late windows end that end a thousand a second, and the backfill of a
new segment over all of them beside the equivalent aggregation in SQL.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from deploy.local.bench.changes import ChangeReader
from deploy.local.bench.cost import resident_bytes
from deploy.local.bench.filling import fill, records
from deploy.local.bench.restart import kill
from deploy.local.bench.result import Result, percentile
from deploy.local.bench.run import Bench
from deploy.local.bench.shop import Sent
from deploy.local.bench.stage import HOST, Stage, open_stage
from deploy.local.bench.wire import Connection
from projections.clickhouse import connect
from schemas.codec import dumps, loads
from schemas.errors import KithError

PEOPLE = 1_000_000
ENDING = 20_000
RATE = 1_000
# Events that end soon have to have gone the whole way before they do.
_LEAD_S = 20.0
_PIECE = 50_000
_PATIENCE_S = 900.0
_HOUR_MS = 3_600_000
_MB = 1e6

_LASTING: dict[str, Any] = {"id": "lasting", "where": {"event": "Product Viewed", "within": "30d"}}
_ENDING: dict[str, Any] = {"id": "ending", "where": {"event": "Product Added", "within": "1h"}}
_PRICED = {"event": "Product Viewed", "where": [{"property": "price", "op": "gt", "value": 1}]}
_NEW: dict[str, Any] = {"id": "new", "where": {**_PRICED, "count": {"op": "gte", "value": 1}}}
_SQL = """\
SELECT count() FROM (
    SELECT profile_id FROM events_by_profile
    WHERE event = 'Product Viewed' AND JSONExtractFloat(properties, 'price') > 1
    GROUP BY profile_id HAVING count() >= 1
)"""


async def measure(bench: Bench) -> Result:
    """Return memory in MB, restart in s, lateness in ms, and the backfill's rate beside SQL's in events/s."""
    people, ending = bench.size(PEOPLE, 2_000), bench.size(ENDING, 500)
    result = Result(sizes={"timers": people, "ending": ending, "rate": RATE, "workers": 1})
    async with open_stage(bench.folder / "timers", bench.show) as stage:
        bench.show("starting collector, worker, projector and api")
        await stage.start("collector", "worker-1", "projector", "api")
        for definition in (_LASTING, _ENDING):
            await _define(stage, definition)
        await stage.caught_up()
        idle = resident_bytes(stage.pid("worker-1"))
        bench.show(f"{people:,} people view a product")
        now = time.time_ns() // 1_000_000
        for first in range(0, people, _PIECE):
            views = _events("Product Viewed", first, min(first + _PIECE, people), 0)
            await asyncio.to_thread(fill, stage.settings, records(views, now))
        await stage.caught_up()
        full = resident_bytes(stage.pid("worker-1"))
        result.add("segments_timers_memory", full / _MB, "MB")
        result.add("segments_timers_memory_idle", idle / _MB, "MB")
        result.add("segments_timers_restart", await _restart(bench, stage), "s")
        await _end(bench, stage, ending, result)
        await _backfill(bench, stage, people, result)
    return result


def _events(name: str, first: int, last: int, spacing: int) -> Iterator[Sent]:
    for number in range(first, last):
        message = {
            "type": "track",
            "messageId": f"{name}-{number}",
            "userId": f"user-{number}",
            "event": name,
            "properties": {"product_id": "p1", "price": "19.90"},
        }
        yield Sent((number - first) * spacing, message)


async def _define(stage: Stage, definition: dict[str, Any]) -> None:
    status, body = await stage.ask_api("POST", "/v1/segments", dumps(definition))
    if status != 201:
        raise KithError(f"The api refuses segment {definition['id']}: {body.decode('utf-8', 'replace')}")


async def _restart(bench: Bench, stage: Stage) -> float:
    bench.show("kill")
    connection = await Connection.open(HOST, stage.port("collector"))
    reader = ChangeReader(stage.settings)
    try:
        found = await kill(stage.pid("worker-1"), connection, stage.credentials.write_key, reader)
    finally:
        connection.close()
        await asyncio.to_thread(reader.close)
    await stage.caught_up()
    return found


async def _end(bench: Bench, stage: Stage, ending: int, result: Result) -> None:
    """Have windows end, a thousand a second, and see when each change comes."""
    reader = ChangeReader(stage.settings)
    lead = _LEAD_S + ending / 2_000
    opened = time.time_ns() // 1_000_000 + int(lead * 1000) - _HOUR_MS
    bench.show(f"{ending:,} windows end at {RATE:,} a second")
    await asyncio.to_thread(fill, stage.settings, records(_events("Product Added", 0, ending, 1000 // RATE), opened))
    deadline = time.monotonic() + lead + ending / RATE + 60
    while len(reader.lateness) < ending and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    await asyncio.to_thread(reader.close)
    late = reader.lateness
    if len(late) < ending:
        raise KithError(f"Only {len(late):,} of {ending:,} windows have ended on segments.changes.")
    result.add("segments_timers_late", max(late), "ms")
    result.add("segments_timers_late_p50", percentile(late, 0.5), "ms")
    result.add("segments_timers_late_p99", percentile(late, 0.99), "ms")
    result.add("segments_timers_early", sum(each < 0 for each in late), "changes")


async def _backfill(bench: Bench, stage: Stage, people: int, result: Result) -> None:
    """Define one more segment and wait until it has been applied to everybody; then ask SQL the same."""
    bench.show("a new segment over all of them")
    await stage.caught_up()
    started = time.monotonic()
    await _define(stage, _NEW)
    while (found := loads((await stage.ask_api("GET", "/v1/segments/new"))[1]))["state"] != "live":
        if time.monotonic() - started > _PATIENCE_S:
            raise KithError("The backfill does not end.")
        await asyncio.sleep(0.05)
    seconds = time.monotonic() - started
    if found["members"] < people:
        await stage.caught_up()
    secret = SecretStr(stage.credentials.clickhouse_password)
    settings = stage.settings.model_copy(update={"clickhouse_password": secret})
    client = connect(settings, settings.clickhouse_database)
    try:
        taken = []
        for _ in range(3):
            asked = time.monotonic()
            await asyncio.to_thread(client.query, _SQL)
            taken.append(time.monotonic() - asked)
    finally:
        client.close()
    result.add("segments_backfill", people / seconds, "events/s", people / sorted(taken)[1])
    result.add("segments_backfill_seconds", seconds, "s")
