"""What goes into a unit's fold and what comes out: log records in; records to send and store writes out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

# Topic, key, value (None: a tombstone), and the partition where it is not that of the key.
Send = tuple[str, str, bytes | None, int | None]


class Record(NamedTuple):
    """One record as the log has it."""

    topic: str
    offset: int
    key: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Effects:
    """What follows from a batch; all of it becomes true in one transaction.

    `writes` None removes a key. `seen` are packed ids for the log of seen ids, `expired` is a range of keys that may
    go, and `jobs` tells whether there are new questions to the archive.
    """

    sends: list[Send]
    writes: dict[bytes, bytes | None]
    seen: bytes = b""
    expired: tuple[bytes, bytes] | None = None
    jobs: bool = False
    counts: dict[str, int] = field(default_factory=dict)


class Reader(Protocol):
    """What a fold may read: committed state, by key and by range."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return the values of `keys`, in their order."""

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with start <= key < stop, in key order."""


class Machine(Protocol):
    """A unit's fold as its shell sees it."""

    positions: dict[str, int]  # topic -> offset of the next record to read

    def old_events(self, records: Sequence[Record]) -> list[tuple[str, str, str, int]]:
        """Return `(seed, event id, topic, offset)` of those events of the next batch that only the archive knows."""

    def fold(self, records: Sequence[Record], now: int, archived: Mapping[str, bytes]) -> Effects:
        """Fold a batch at the instant `now` (ms)."""

    def answer(self, name: str, job: Mapping[str, Any], rows: Sequence[bytes], now: int) -> Effects:
        """Fold the archive's answer to a question."""

    def pending_jobs(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the questions to the archive that have no answer yet."""

    @property
    def sweeping(self) -> bool:
        """Tell whether `sweep` has something to do."""

    def sweep(self, now: int) -> Effects:
        """Do a piece of what is neither records, timers nor answers: looking at everybody after a change of rules."""

    def next_due(self) -> int | None:
        """Return the instant (ms) of the earliest timer in committed state."""
