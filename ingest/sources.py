"""The sources in force, as requests look for them: by write key or by name."""

from collections.abc import Mapping
from hashlib import sha256

from schemas.errors import KithError
from schemas.source import Limits, Source


class Sources:
    """An immutable set of sources, found by write key or by name."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.by_name = dict(sources)
        # Before a request's source is known, it may be as large as the largest limit of any.
        self.most_bytes = max((source.limits.batch_bytes for source in sources.values()), default=Limits().batch_bytes)
        self._by_key: dict[bytes, Source] = {}
        for source in sources.values():
            for key in source.write_keys:
                other = self._by_key.setdefault(_digest(key), source)
                if other is not source:
                    raise KithError(
                        f"sources: {source.name} and {other.name} have the same write key; give each its own."
                    )

    def by_key(self, key: str) -> Source | None:
        """Return the source of a write key. Keys are compared as digests, so the time taken says nothing about them."""
        return self._by_key.get(_digest(key))

    def __len__(self) -> int:
        return len(self.by_name)


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def default_source(write_keys: str) -> dict[str, Source]:
    """Return the tracking source `default` of `KITH_WRITE_KEYS` (comma-separated), or nothing when that is empty."""
    keys = tuple(key.strip() for key in write_keys.split(",") if key.strip())
    return {"default": Source(kind="tracking", name="default", write_keys=keys)} if keys else {}
