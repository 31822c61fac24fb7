"""Which events have been counted: the ids of at least the last 24 hours of the log's time, one generation a day.

An id is remembered with a digest of what counts in the event, so that a second delivery is told from another event
under the same id. What is not part of it: `sentAt` and all that follows from it, and the context, which proxies and
retries change.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from processors.partition.keys import DAY_MS, SEEN, seen_key
from processors.partition.working import Working
from schemas.codec import dumps, dumps_sorted

REMEMBERED_DAYS = 2
_AGES = range(REMEMBERED_DAYS)
ENTRY_BYTES = 4 + 16 + 8
# In the place of a digest: of an event that another unit has counted.
_ANOTHER = bytes(8)


def digest_of(event: dict[str, Any]) -> bytes:
    """Return 8 bytes that are equal for two deliveries of one message."""
    body = [event["type"], event.get("event"), event["identifiers"], event.get("properties"), event.get("traits")]
    return blake2b(dumps_sorted(body), digest_size=8).digest()


def is_old(occurred: int, received: int) -> bool:
    """Tell whether the event had happened so long before it was received that only the archive knows a first
    delivery.
    """
    return received - occurred > DAY_MS


class Seen:
    """The ids counted by one unit. `added` holds, packed, what the batch has added for the unit's log of seen ids."""

    def __init__(self, working: Working) -> None:
        self._working = working
        self.added = bytearray()
        self.newest_day = 0

    def prefetch(self, events: Iterable[tuple[bytes, int]]) -> None:
        """Read in one call what is known of these events: id (16 bytes) and time of receipt (ms)."""
        self._working.prefetch_raw(
            [seen_key(received // DAY_MS - age, event_id) for event_id, received in events for age in _AGES]
        )

    def check(self, event: dict[str, Any], event_id: bytes, received: int, archived: bytes | None) -> bytes | None:
        """Return None and remember the event if it is new, else the digest of the delivery that was counted.

        `received` is the event's time of receipt in ms, `archived` the digest under which the archive holds the id, if
        it was asked and does.
        """
        working = self._working
        day = received // DAY_MS
        for age in _AGES:
            found = working.get_raw(seen_key(day - age, event_id))
            if found is not None:
                return found
        if archived is not None:
            return archived
        digest = digest_of(event)
        working.put_raw(seen_key(day, event_id), digest)
        self.added += day.to_bytes(4, "big") + event_id + digest
        if day > self.newest_day:
            self.newest_day = day
        return None

    def bar(self, event_id: str, received: int) -> None:
        """Take an event that is still to come, received then (ms), for a duplicate: another has its id."""
        packed, day = bytes.fromhex(event_id.replace("-", "")), received // DAY_MS
        self._working.put_raw(seen_key(day, packed), _ANOTHER)
        self.added += day.to_bytes(4, "big") + packed + _ANOTHER

    def forget(self, event_id: str, received: int) -> None:
        """Let an event that was received then (ms) count again."""
        packed = bytes.fromhex(event_id.replace("-", ""))
        self._working.put_raw(seen_key(received // DAY_MS, packed), None)

    def take_added(self) -> bytes:
        """Return the packed entries of this batch and start anew."""
        added = bytes(self.added)
        self.added = bytearray()
        return added


def unpack(entries: bytes) -> list[tuple[bytes, bytes]]:
    """Return the store's keys and values for packed entries: what a restart reads back."""
    pairs = []
    for at in range(0, len(entries), ENTRY_BYTES):
        entry = entries[at : at + ENTRY_BYTES]
        pairs.append((SEEN + entry[:20], entry[20:]))
    return pairs


def conflict(event: dict[str, Any], counted: bytes) -> bytes | None:
    """Return the event's JSON if it is another body than the one counted under its id, else None."""
    return None if digest_of(event) == counted else dumps(event)
