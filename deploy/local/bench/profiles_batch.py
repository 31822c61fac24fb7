"""A hundred profiles in one call, beside one: what it costs to ask for many at once."""

import time
from random import Random
from statistics import median

from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench
from deploy.local.bench.stage import HOST
from deploy.local.bench.wire import Connection, check, request
from schemas.codec import dumps, loads
from schemas.errors import KithError

MANY = 100
READS = 400
WARM_UP = 20


async def measure(bench: Bench) -> Result:
    """Return the median of a call for a hundred profiles, in ms, beside that of a call for one; in turns."""
    stage, population = await bench.populated()
    people = population.sizes["profiles"]
    reads = bench.size(READS, 50)
    bench.show(f"{reads:,} calls for {MANY} profiles, and as many for one")
    random = Random(2)
    connection = await Connection.open(HOST, stage.port("api"))
    taken: dict[int, list[float]] = {1: [], MANY: []}
    try:
        for _ in range(WARM_UP + reads):
            for many, values in taken.items():
                keys = [f"user_id:user-{random.randrange(people)}" for _ in range(many)]
                data = request("POST", "/v1/profiles/batch", stage.api_headers, dumps({"keys": keys}))
                started = time.perf_counter()
                status, body = await connection.ask(data)
                values.append((time.perf_counter() - started) * 1000)
                check(status, body)
                if None in loads(body)["items"]:
                    raise KithError("A profile that is there is not answered.")
    finally:
        connection.close()
    result = Result(sizes={"profiles": people, "reads": reads, "keys": MANY})
    result.add("profiles_batch_100", median(taken[MANY][WARM_UP:]), "ms", median(taken[1][WARM_UP:]))
    return result
