"""How long a process that died waits for its next start: doubling, bounded, forgotten after a while of health."""

from dataclasses import dataclass

# A single crash (or a kill -9) is repaired at once; a process that cannot start does not take a core with it.
FIRST_S = 0.1
LONGEST_S = 15.0
# A process that was up this long has recovered: its next death counts as its first.
HEALTHY_S = 30.0


@dataclass(slots=True)
class Backoff:
    """The deaths of one process in a row."""

    deaths: int = 0

    def after_death(self, uptime_s: float) -> float:
        """Return the seconds to wait before the next start, given how long the process had been up."""
        if uptime_s >= HEALTHY_S:
            self.deaths = 0
        self.deaths += 1
        return min(LONGEST_S, FIRST_S * 2.0 ** min(self.deaths - 1, 30))
