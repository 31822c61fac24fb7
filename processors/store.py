"""The local store of one unit: a RocksDB that is a cache of the unit's changelog.

`write` is atomic and holds the changelog position that it reaches; what is in the store is therefore always the
changelog up to `position`. A kill loses nothing that was written; a lost disk is a store with position zero.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch

_POSITION = b"m:changelog"
_SEEN_POSITION = b"m:seen"
_LOG = b"m:log"

# Shared by all stores of the process: decoded blocks of the data that is read.
CACHE_BYTES = 16 << 20
WRITE_BUFFER_BYTES = 4 << 20


class Store:
    """A unit's state on disk. Not shared between processes: RocksDB locks the folder."""

    _cache: Cache | None = None

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if Store._cache is None:
            Store._cache = Cache(CACHE_BYTES)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_max_write_buffer_number(2)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(2)
        blocks = BlockBasedOptions()
        blocks.set_block_cache(Store._cache)
        blocks.set_bloom_filter(10, False)
        blocks.set_cache_index_and_filter_blocks(True)
        options.set_block_based_table_factory(blocks)
        self._folder = folder
        self._options = options
        self._db = Rdict(str(folder), options)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        value: bytes | None = self._db.get(key)
        return value

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return the values of `keys`, in their order, at half the cost of as many gets."""
        values: list[bytes | None] = self._db.get(keys)  # type: ignore[assignment, arg-type]  # raw mode
        return values

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with start <= key < stop, in key order."""
        pairs: Iterator[tuple[bytes, bytes]] = self._db.items(from_key=start)  # type: ignore[assignment]  # raw mode
        for key, value in pairs:
            if key >= stop:
                return
            yield key, value

    def position(self, log: str) -> int:
        """Return the offset up to which the store holds the topic `log`: `state` or `seen`."""
        raw = self._db.get(_SEEN_POSITION if log == "seen" else _POSITION)
        return int(raw) if raw else 0

    def write(
        self,
        writes: Mapping[bytes, bytes | None] | Iterable[tuple[bytes, bytes | None]],
        position: int | None = None,
        seen_position: int | None = None,
    ) -> None:
        """Write a batch, with the changelog positions that it reaches, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        for key, value in writes.items() if isinstance(writes, Mapping) else writes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if position is not None:
            batch.put(_POSITION, str(position).encode())
        if seen_position is not None:
            batch.put(_SEEN_POSITION, str(seen_position).encode())
        self._db.write(batch)

    def expire(self, start: bytes, stop: bytes) -> None:
        """Remove the keys with start <= key < stop."""
        self._db.delete_range(start, stop)

    def belongs_to(self, log: str) -> bool:
        """Tell whether the store was made from the log `log` (a cluster and topic id), and claim an empty store for
        it.
        """
        raw = self._db.get(_LOG)
        if raw is None:
            self._db.put(_LOG, log.encode())
            return True
        return bool(raw == log.encode())

    def clear(self) -> None:
        """Empty the store: it is the cache of another log."""
        self._db.close()
        Rdict.destroy(str(self._folder), self._options)
        self._db = Rdict(str(self._folder), self._options)

    def close(self) -> None:
        """Close the files; idempotent."""
        self._db.close()
