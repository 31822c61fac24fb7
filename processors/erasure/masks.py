"""Masks: what every reader of the log leaves out of it, because somebody has asked to be forgotten.

A mask is an identifier's keyed hash with the moment of its request. An event that was received up to that moment is
masked: it is the person's own (its seed is that of a masked identifier) and is left out whole, or it is somebody
else's and loses the identifier (not that of a device which was shared: it is theirs too). After that moment an erased
identifier is like one that was never seen; a suppressed one keeps every event that carries it out.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from processors.erasure.scrub import without
from schemas.identifier import Identifier
from schemas.privacy import Hidden, Mode, PrivacyRecord, keyed_hash
from schemas.times import to_millis

FOREVER: Final = 1 << 62


class Mask(NamedTuple):
    """What one request hides of one identifier: events received up to `at` that happened from `start` to `end`."""

    at: int
    start: int | None  # None: unbounded; only a slice of a weak identifier has bounds
    end: int | None
    suppresses: bool
    published: int  # what was published about the person up to then (ms) is hidden


class Masks:
    """The masks of all requests. `until`: an event received later than this is not masked, so nobody need ask."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key
        self._masks: dict[str, list[Mask]] = {}
        self.until = -1
        self.newest = -1  # when the newest mask was put on, in ms

    def __len__(self) -> int:
        return sum(map(len, self._masks.values()))

    def hash_of(self, identifier: Identifier) -> str:
        """Return the identifier's keyed hash."""
        return keyed_hash(self._key, identifier)

    def add(self, hidden: Iterable[Hidden], at: int, mode: Mode, published: int) -> None:
        """Take in what a request of the moment `at` (ms) hides; again is the same. `published`: see `Mask`."""
        for each in hidden:
            start, end = each["slice"] or (None, None)
            whole = each["slice"] is None
            mask = Mask(at, start, end, mode == "suppress" and whole, published)
            known = self._masks.setdefault(each["hash"], [])
            if mask not in known:
                known.append(mask)
            self.newest = max(self.newest, published)
            self.until = max(self.until, FOREVER if mask.suppresses else max(at, published))

    def take(self, record: PrivacyRecord) -> None:
        """Take in a record of `privacy.requests`; only those that say who is masked matter."""
        if record["kind"] == "masked":
            at = to_millis(record["at"])
            self.add(record["hidden"], at, record["mode"], to_millis(record.get("masked_at", record["at"])))

    def apply(self, event: dict[str, Any], t: int, received: int) -> dict[str, Any] | None:
        """Return what a reader of the log sees of an event that happened at `t` and was received at `received` (ms).

        The event itself if no mask is on it, a copy without other people's erased identifiers, or None.
        """
        if received > self.until:
            return event
        masked = []
        for place, each in enumerate(event["identifiers"]):
            identifier = Identifier(each["type"], each["value"])
            for mask in self._masks.get(keyed_hash(self._key, identifier), ()):
                if received > mask.at:
                    if mask.suppresses:
                        return None
                elif place and mask.start is None and mask.end is None:
                    masked.append(identifier)
                elif not place and (mask.start is None or mask.start <= t) and (mask.end is None or t < mask.end):
                    return None
        return without(event, masked) if masked else event

    def hides(self, identifier: Identifier, received: int) -> bool:
        """Tell whether what was received about this identifier at that moment (ms) is masked, as a whole."""
        if received > self.until:
            return False
        return any(
            received <= mask.at if mask.start is None and mask.end is None else False
            for mask in self._masks.get(keyed_hash(self._key, identifier), ())
        )

    def hides_published(self, identifier: Identifier, at: int) -> bool:
        """Tell whether what was published about somebody at that moment (ms) is hidden; a profile is an identifier."""
        if at > self.until:
            return False
        return any(
            at <= mask.published and mask.start is None and mask.end is None
            for mask in self._masks.get(keyed_hash(self._key, identifier), ())
        )

    @property
    def suppresses(self) -> bool:
        """Tell whether anybody is suppressed."""
        return self.until >= FOREVER

    def keeps_out(self, identifiers: Iterable[Identifier]) -> bool:
        """Tell whether somebody with one of these identifiers is suppressed."""
        return self.suppresses and any(
            mask.suppresses
            for identifier in identifiers
            for mask in self._masks.get(keyed_hash(self._key, identifier), ())
        )
