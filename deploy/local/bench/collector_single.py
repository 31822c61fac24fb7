"""Events of 700 bytes, one a request."""

from deploy.local.bench.collector_load import compare
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench


async def measure(bench: Bench) -> Result:
    """Return events per CPU second of the collector and of a bare route."""
    return await compare(bench, "collector_single", bench.size(25_000, 500), 1)
