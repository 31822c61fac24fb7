"""When a batch is due: soon when little comes, rarely under load. Pure; times are seconds of a steady clock.

Every insert costs ClickHouse some milliseconds however few rows it has, so batches grow with the load: inserting takes
at most a fixed share of the time, as long as no record has to wait longer than an interval for it. A full batch would
not get larger by waiting, so after it the next one may follow at once.
"""

from dataclasses import dataclass

# What follows from a record (assignment, profile, changes) comes this soon after it, and into the same batch.
LINGER_S = 0.05
# Time to collect per time to insert: a fifth of the time is spent on inserting.
_REST_PER_WORK = 4.0


@dataclass(slots=True)
class Pace:
    """The rhythm of one projector. `interval` is the longest time a batch is collected, in seconds."""

    interval: float
    _idle_until: float = 0.0

    def inserted(self, began: float, ended: float, filled: float) -> None:
        """Note that a batch was inserted between these times, and what share of a full batch it was."""
        rest = _REST_PER_WORK * (ended - began) * (1.0 - min(filled, 1.0))
        self._idle_until = ended + min(self.interval, rest)

    def due(self, first: float) -> float:
        """Return when a batch whose first record came at `first` is to be inserted."""
        return min(max(first + LINGER_S, self._idle_until), first + self.interval)
