"""The state as one batch sees it: the store's, with what the batch has changed so far on top."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from processors.partition.effects import Reader
from schemas.codec import dumps, loads


class Working:
    """Decoded states of one unit; changes are kept here until the batch has been committed.

    States are plain JSON values and are changed in place; whoever changes one says so with `save`. Decoded states
    outlive the batch in two generations of at most `keep` each, so that a visitor's next event does not decode
    everything again.
    """

    def __init__(self, reader: Reader, keep: int = 512) -> None:
        self.reader = reader
        self._keep = keep
        self._young: dict[bytes, Any] = {}
        self._old: dict[bytes, Any] = {}
        self._changed: dict[bytes, bytes | None] = {}
        self._raw: dict[bytes, bytes | None] = {}
        self._read: dict[bytes, bytes | None] = {}

    def load(self, key: bytes) -> Any:
        """Return the decoded state under `key`, or None."""
        young = self._young
        if key in young:
            return young[key]
        if key in self._old:
            value = self._old[key]
        else:
            raw = self.reader.get(key)
            value = None if raw is None else loads(raw)
        young[key] = value
        return value

    def prefetch(self, keys: list[bytes]) -> None:
        """Read many states in one call; those that are known already are not read again."""
        young, old = self._young, self._old
        missing = [key for key in keys if key not in young and key not in old]
        if missing:
            for key, raw in zip(missing, self.reader.get_many(missing), strict=True):
                young[key] = None if raw is None else loads(raw)

    def offer(self, key: bytes, raw: bytes) -> None:
        """Take in a stored state that a scan has read anyway; one that is known already is not decoded again."""
        if key not in self._young and key not in self._old:
            self._young[key] = loads(raw)

    def prefetch_raw(self, keys: list[bytes]) -> None:
        """Read many raw values in one call, for this batch."""
        self._read.update(zip(keys, self.reader.get_many(keys), strict=True))

    def save(self, key: bytes, value: Any) -> None:
        """Make `value` the state under `key`; None removes it."""
        self._young[key] = value
        self._changed[key] = None

    def save_encoded(self, key: bytes, value: Any, encoded: bytes) -> None:
        """Make `value` the state under `key`; `encoded` is it, written by somebody who needed that anyway."""
        self._young[key] = value
        self._changed[key] = encoded

    def has(self, key: bytes) -> bool:
        """Tell whether a raw key is there, without decoding it."""
        if key in self._raw:
            return self._raw[key] is not None
        return self.reader.get(key) is not None

    def put_raw(self, key: bytes, value: bytes | None) -> None:
        """Store bytes that are no decoded state: timers, seen ids, positions. None removes."""
        self._raw[key] = value

    def get_raw(self, key: bytes) -> bytes | None:
        """Return raw bytes as this batch sees them."""
        if key in self._raw:
            return self._raw[key]
        if key in self._read:
            return self._read[key]
        return self.reader.get(key)

    def take_writes(self, encode: Callable[[Any], bytes] = dumps) -> dict[bytes, bytes | None]:
        """Return everything that changed, encoded, and start a new batch."""
        young = self._young
        writes: dict[bytes, bytes | None] = {}
        for key, encoded in self._changed.items():
            if encoded is None and (value := young[key]) is not None:
                encoded = encode(value)
            writes[key] = encoded
        writes.update(self._raw)
        self._changed = {}
        self._raw = {}
        self._read = {}
        if len(young) > self._keep:
            # A batch may have touched many more: of those only the last are kept.
            self._old = dict(islice(reversed(young.items()), self._keep))
            self._young = {}
        return writes
