"""Memory of the worker with 100,000 profiles of two identifiers each, less what an idle worker takes."""

from deploy.local.bench.result import Result
from deploy.local.bench.run import Bench


async def measure(bench: Bench) -> Result:
    """Return the memory before and after the people came, and the difference per 100,000 of them."""
    _, result = await bench.populated()
    return result
