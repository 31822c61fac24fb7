"""How often Python looks for cycles while batches go by."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A batch is many small objects and no cycles: looking for cycles at every 700 of them costs a third of the time.
_THRESHOLDS = (200_000, 20, 50)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Look for cycles rarely while the block runs, and only among what it makes."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
