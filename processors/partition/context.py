"""What the levels of one unit share during a batch: the state, the way out, and who lives where."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from processors.erasure.masks import Masks
from processors.partition.effects import Send
from processors.partition.messages import OF_ERASURE, TO_ORDER, TO_PROFILE, TO_SEED, TO_UNIT, Item, encode
from processors.partition.working import Working
from processors.segments.compile import Compiled
from schemas.codec import SCHEMA_VERSION, dumps
from schemas.errors import REASONS
from schemas.identifier import uuid5_text
from schemas.times import to_iso
from schemas.topics import Topics

# The most evidence items and inbox items in one record: far below a broker's record limit, far above one.
ITEMS_A_RECORD = 200


@dataclass(slots=True)
class Context:
    """One unit's surroundings. `number` of `partitions` is its partition; `locate(key)` the partition of any key."""

    number: int
    locate: Callable[[str], int]
    topics: Topics
    working: Working
    compiled: Compiled  # what is evaluated
    observing: Compiled  # what is observed: `compiled`, and definitions whose history is not complete yet
    masks: Masks = field(default_factory=Masks)  # what of the log is not to be seen
    now: int = 0
    sends: list[Send] = field(default_factory=list)
    evidence: list[Item] = field(default_factory=list)
    local: deque[tuple[str, Item]] = field(default_factory=deque)
    last: list[Send] = field(default_factory=list)  # sent after everything else of the batch
    counts: dict[str, int] = field(default_factory=dict)
    _outbox: dict[str, list[Item]] = field(default_factory=dict)

    def deliver(self, receiver: str, item: Item) -> None:
        """Send an item to a profile, seed or order: within the batch when it lives here, else by its inbox."""
        if self.locate(receiver) == self.number:
            self.local.append((receiver, item))
        else:
            self._outbox.setdefault(receiver, []).append(item)

    def is_here(self, receiver: str) -> bool:
        """Tell whether a key's home is this unit."""
        return self.locate(receiver) == self.number

    def send(self, topic: str, key: str, value: bytes | None) -> None:
        """Add a record to what the batch publishes."""
        self.sends.append((topic, key, value, None))

    def count(self, name: str, by: int = 1) -> None:
        """Count something that happened, for the metrics."""
        self.counts[name] = self.counts.get(name, 0) + by

    def reject(self, source: str, reason: str, message: str, payload: bytes) -> None:
        """Publish a dead letter; its id follows from what it is about, so a repeat is the same letter."""
        text = payload.decode("utf-8", "replace")
        letter = {
            "schema_version": SCHEMA_VERSION,
            "id": uuid5_text(f"dead-letter:{source}:{reason}:{text}"),
            "source": source,
            "reason": reason,
            "message": f"{message} {REASONS[reason]}",
            "at": to_iso(self.now),
            "payload": text,
        }
        self.send(self.topics.rejected, source, dumps(letter))
        self.count(f"rejected:{reason}")

    def take_sends(self) -> list[Send]:
        """Return everything the batch publishes, in an order that follows from the batch alone, and start anew."""
        for receiver, items in self._outbox.items():
            for first in range(0, len(items), ITEMS_A_RECORD):
                self.send(self.topics.inbox, receiver, encode(receiver, items[first : first + ITEMS_A_RECORD]))
        for first in range(0, len(self.evidence), ITEMS_A_RECORD):
            value = {"schema_version": SCHEMA_VERSION, "items": self.evidence[first : first + ITEMS_A_RECORD]}
            self.send(self.topics.evidence, str(self.number), dumps(value))
        sends = [*self.sends, *self.last]
        self.sends, self.last, self.evidence, self._outbox = [], [], [], {}
        return sends


def level_of(kind: str) -> str:
    """Return what an inbox item is for: `profile`, `seed`, `order`, `unit` or `erasure`.

    Raises `ValueError` for another kind.
    """
    if kind in TO_PROFILE:
        return "profile"
    if kind in TO_SEED:
        return "seed"
    if kind in TO_ORDER:
        return "order"
    if kind in TO_UNIT:
        return "unit"
    if kind in OF_ERASURE:
        return "erasure"
    raise ValueError(f"unknown inbox item {kind!r}")
