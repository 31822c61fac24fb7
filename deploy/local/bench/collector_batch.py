"""Batches of 20 events of 700 bytes."""

from deploy.local.bench.collector_load import compare
from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench


async def measure(bench: Bench) -> Result:
    """Return events per CPU second of the collector and of a bare route."""
    return await compare(bench, "collector_batch", bench.size(100_000, 1_000), 20)
