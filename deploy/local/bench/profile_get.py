"""A profile by user id over HTTP, and the same row read by its primary key straight from ClickHouse, in turns."""

import time
from collections.abc import Sequence
from random import Random
from statistics import median
from urllib.parse import urlencode

from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.stage import HOST, Stage
from deploy.local.bench.wire import Connection, check, request
from schemas.errors import KithError
from schemas.identifier import Identifier, seed_of

READS = 2_000
WARM_UP = 100
_IN_TURN = 20
_POINT_READ = "SELECT raw FROM profile_states WHERE profile_id = {id:UUID} FORMAT TSVRaw"


async def measure(bench: Bench) -> Result:
    """Return both medians in milliseconds."""
    stage, population = await bench.populated()
    people = population.sizes["profiles"]
    reads = bench.size(READS, 100)
    random = Random(1)
    asked = [random.randrange(people) for _ in range(WARM_UP + reads)]
    bench.show(f"{reads:,} reads of each kind")
    api = await Connection.open(HOST, stage.port("api"))
    clickhouse = await Connection.open(HOST, stage.port("clickhouse"))
    gets: list[float] = []
    points: list[float] = []
    try:
        for at in range(0, len(asked), _IN_TURN):
            some = asked[at : at + _IN_TURN]
            gets += await _time(api, [_get(stage, number) for number in some], some)
            points += await _time(clickhouse, [_point(stage, number) for number in some], some)
    finally:
        api.close()
        clickhouse.close()
    result = Result(sizes={"profiles": people, "reads": reads})
    result.add("profile_get", median(gets[WARM_UP:]), "ms", median(points[WARM_UP:]))
    return result


async def _time(connection: Connection, requests: Sequence[bytes], asked: Sequence[int]) -> list[float]:
    """Return how long each request took, in ms. Raises `KithError` for an answer that is not the person's profile."""
    found = []
    for data, number in zip(requests, asked, strict=True):
        started = time.perf_counter()
        status, body = await connection.ask(data)
        found.append((time.perf_counter() - started) * 1000)
        check(status, body)
        if b'"user-%d"' % number not in body:
            raise KithError(f"The profile of user-{number} is not answered: {body[:200]!r}")
    return found


def _get(stage: Stage, number: int) -> bytes:
    return request("GET", f"/v1/profiles/user_id:user-{number}", stage.api_headers)


def _point(stage: Stage, number: int) -> bytes:
    settings = stage.settings
    seed = seed_of(Identifier("user_id", f"user-{number}"))
    query = {"database": settings.clickhouse_database, "query": _POINT_READ, "param_id": seed}
    headers = {
        "x-clickhouse-user": settings.clickhouse_user,
        "x-clickhouse-key": stage.credentials.clickhouse_password,
    }
    return request("GET", f"/?{urlencode(query)}", headers)
