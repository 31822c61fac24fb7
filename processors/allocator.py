"""The C allocator's habits, for a process that works in bursts: give back what a burst no longer needs.

Several threads fill and empty buffers (librdkafka's, RocksDB's, the fold's). By default glibc gives each thread arenas
of its own and keeps what was freed in them, so that memory stays at the sum of all peaks.
"""

import asyncio
import ctypes
import sys

_M_ARENA_MAX = -8
_ARENAS = 2
# A trim costs some milliseconds; once in this time it does not show.
TRIM_S = 10.0


def share_arenas() -> None:
    """Let all threads share a few arenas. Does nothing where the C library is not glibc."""
    mallopt = getattr(_libc(), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


async def trim_for_ever() -> None:
    """Give freed memory back to the system now and then."""
    trim = getattr(_libc(), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(TRIM_S)
        await asyncio.to_thread(trim, 0)


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
