"""Which partition a key belongs to: murmur2, as the Java client's default partitioner computes it."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 16)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a UTF-8 text key among `partitions`."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions
