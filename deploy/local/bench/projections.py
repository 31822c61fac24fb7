"""What analysts wait for: events into ClickHouse, a rebuild, one person's events, attribution, a funnel.

Each stands beside the plainest way to the same. The identities are made up in ClickHouse and not worked out by workers:
two thirds of the seeds belong to somebody else, and one in fifteen changed hands.
"""

import asyncio
import itertools
import time
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition
from pydantic import SecretStr

from deploy.local.bench.filling import Filler, fill, records
from deploy.local.bench.result import Result, percentile
from deploy.local.bench.run import Bench
from deploy.local.bench.shop import STEP_MS, traffic
from deploy.local.bench.stage import open_stage
from projections.batch import blocks_of, projections
from projections.clickhouse import connect
from projections.groups import choose, groups_of
from projections.log import Log
from projections.owners import Owners
from projections.placement import Placement
from projections.rebuild import Rebuild
from projections.record import Record
from schemas.errors import KithError
from schemas.settings import Settings

EVENTS = 1_000_000
# What is written into the log at once, for the projector to catch up with; and what the driver inserts at once.
_PORTION = 250_000
_BLOCK = 50_000
_RATE = 500
_FRESH_S = 10
_TRIES = 5
_IDENTITY = """\
WITH
    toDateTime64('1900-01-01', 3, 'UTC') AS always,
    now64(3) - toIntervalHour(12) AS lately,
    toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC') AS forever
SELECT seed, slice.1, slice.2, reinterpretAsUUID(MD5(toString((cityHash64(seed) + slice.3) % {people:UInt64}))),
    'user_id', 'x', 1, false, 'bench', 0, rowNumberInAllBlocks()
FROM (SELECT DISTINCT seed FROM events)
ARRAY JOIN if(cityHash64(seed) % 15 = 1, [(always, lately, 0), (lately, forever, 1)], [(always, forever, 0)]) AS slice
WHERE cityHash64(seed) % 3 > 0 OR cityHash64(seed) % 15 = 1"""
_CANDIDATES = "INSERT INTO identity_candidates SELECT DISTINCT profile_id, seed FROM identity_slices"
_PERSON = "SELECT profile_id, any(seed) FROM identity GROUP BY profile_id ORDER BY profile_id LIMIT 1"
_OF_PERSON = "SELECT count(), sum(length(raw)) FROM events_of(profile_id = {who:UUID})"
_OF_SEED = "SELECT count(), sum(length(raw)) FROM events WHERE seed = {seed:UUID}"
_COUNTED = "SELECT event, count(), uniqExact({person}) FROM {table} GROUP BY event"
_FUNNEL = """\
SELECT people
FROM funnel(steps = ['Product Viewed', 'Product Added', 'Order Completed'], within = 604800000) ORDER BY step"""
_WINDOW_FUNNEL = """\
SELECT countIf(level >= 1), countIf(level >= 2), countIf(level >= 3) FROM
(
    SELECT windowFunnel(604800000)(
        toUInt64(toUnixTimestamp64Milli(occurred_at)),
        event = 'Product Viewed', event = 'Product Added', event = 'Order Completed') AS level
    FROM events WHERE event IN ('Product Viewed', 'Product Added', 'Order Completed') GROUP BY seed
)"""


async def measure(bench: Bench) -> Result:
    """Return throughputs, how fresh the tables are, and times of queries, with their baselines."""
    events = bench.size(EVENTS, 2_000)
    result = Result(sizes={"events": events})
    async with open_stage(bench.folder / "projections", bench.show) as stage:
        await stage.start("projector")
        settings = stage.settings.model_copy(
            update={"clickhouse_password": SecretStr(stage.credentials.clickhouse_password)}
        )
        await _sink(bench, settings, events, result)
        await _freshness(bench, settings, result)
        await asyncio.to_thread(_rebuild, bench, settings, result)
        await asyncio.to_thread(_queries, bench, settings, events, result)
    return result


async def _sink(bench: Bench, settings: Settings, events: int, result: Result) -> None:
    """Time the projector over the log, and the driver inserting the same rows from memory."""
    known = projections(settings.topics)
    opened = time.time_ns() // 1_000_000 - events * STEP_MS
    made = records(traffic(events, max(20, events // 15)), opened)
    seconds = plain = 0.0
    client = connect(settings, settings.clickhouse_database)
    client.command("CREATE TABLE plain AS events")
    done = 0
    while portion := list(itertools.islice(made, _PORTION)):
        done += len(portion)
        bench.show(f"{done:,} of {events:,} events from the log into ClickHouse, and from memory")
        filler = await asyncio.to_thread(Filler, settings)
        await asyncio.to_thread(filler.write, portion)
        released = await asyncio.to_thread(filler.release)
        await asyncio.to_thread(_until_archived, client, done)
        seconds += time.monotonic() - released
        log = [
            Record(settings.topics.events[each.channel], 0, number, 0, None, each.value)
            for number, each in enumerate(portion)
        ]
        for first in range(0, len(log), _BLOCK):
            [block] = blocks_of(log[first : first + _BLOCK], known)[0]
            names, types = block.table.names, block.table.types
            columns = block.columns()
            began = time.monotonic()
            client.insert("plain", columns, names, column_type_names=types, column_oriented=True)
            plain += time.monotonic() - began
            # As the projector does: see `sink`.
            columns.clear()
    client.command("DROP TABLE plain SYNC")
    client.close()
    result.add("projections_sink", events / seconds, "events/s", events / plain)


def _until_archived(client: Any, events: int) -> None:
    deadline = time.monotonic() + 600
    while int(client.command("SELECT count() FROM events")) < events:
        if time.monotonic() > deadline:
            raise KithError("The projector does not catch up.")
        time.sleep(0.01)


async def _freshness(bench: Bench, settings: Settings, result: Result) -> None:
    """Write events at a steady rate and look when each batch of them is there."""
    bench.show(f"{_RATE} events/s for {_FRESH_S} s: when are they there?")
    client = connect(settings, settings.clickhouse_database)
    made = records(traffic(_RATE * _FRESH_S, 500, seed=2), time.time_ns() // 1_000_000)
    base = int(client.command("SELECT count() FROM events"))
    waits, written = [], base
    for _ in range(_FRESH_S * 2):
        portion = list(itertools.islice(made, _RATE // 2))
        began = time.monotonic()
        written += await asyncio.to_thread(fill, settings, portion)
        await asyncio.to_thread(_until_archived, client, written)
        waits.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(max(0.0, 0.5 - (time.monotonic() - began)))
    client.close()
    result.add("projections_freshness_p95", percentile(waits, 0.95), "ms")


def _rebuild(bench: Bench, settings: Settings, result: Result) -> None:
    """Time a rebuild of the events, and a bare kafka-python loop that reads and decodes them."""
    bench.show("a rebuild of all events")
    group = choose(["events"], groups_of(projections(settings.topics)))[0]
    client = connect(settings, settings.clickhouse_database)
    log = Log(settings)
    began = time.monotonic()
    read = Rebuild(
        settings, client, log, group, lambda step, done, total: bench.show(f"a rebuild: {step}, {done:,} of {total:,}")
    ).run()
    seconds = time.monotonic() - began
    places = [TopicPartition(*place) for place in log.partitions(group.topics)]
    log.close()
    client.close()
    bench.show("a bare loop that reads and decodes them")
    consumer = KafkaConsumer(
        bootstrap_servers=settings.bootstrap, isolation_level="read_committed", fetch_max_wait_ms=20
    )
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    began, decoded = time.monotonic(), 0
    while decoded < read:
        for found in consumer.poll(timeout_ms=100, max_records=20_000).values():
            for record in found:
                orjson.loads(record.value)
            decoded += len(found)
    result.add("projections_rebuild", read / seconds, "events/s", decoded / (time.monotonic() - began))
    consumer.close()


def _queries(bench: Bench, settings: Settings, events: int, result: Result) -> None:
    """Time what analysts ask, beside the same without people."""
    client = connect(settings, settings.clickhouse_database)
    client.command(f"INSERT INTO identity_slices {_IDENTITY}", parameters={"people": max(2, events // 30)})
    client.command(_CANDIDATES)
    Owners(client, Placement.of(settings)).settle()
    [(who, seed)] = client.query(_PERSON).result_rows
    bench.show("queries")
    once = [
        ("projections_person", _OF_PERSON, {"who": str(who)}, _OF_SEED, {"seed": str(seed)}),
        (
            "projections_attribution",
            _COUNTED.format(person="profile_id", table="events_by_profile"),
            {},
            _COUNTED.format(person="seed", table="events"),
            {},
        ),
        ("projections_funnel", _FUNNEL, {}, _WINDOW_FUNNEL, {}),
    ]
    for name, sql, parameters, plain, of_plain in once:
        result.add(name, _best(client, sql, parameters), "ms", _best(client, plain, of_plain))
    client.close()


def _best(client: Any, sql: str, parameters: dict[str, Any]) -> float:
    """Return the shortest of some runs, in milliseconds."""
    times = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        client.query(sql, parameters=parameters)
        times.append((time.perf_counter() - began) * 1000)
    return min(times)
