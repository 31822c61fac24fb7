"""Lanes to borrow, one per running statement. A lane that was left in a changed state is not lent again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.clickhouse.engine import OWNER, Engine
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lane import Lane

_IDLE = 32  # lanes kept for the next statement; each is a thread and some hundred kilobytes
_MOST_LENT = 256  # statements at once


class LanePool:
    """Idle lanes by user and readonly level; the one whose settings fit best is lent first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[Lane] = []
        self._lent = 0
        self._lock = threading.Lock()
        self.admin = Lane(engine, "default", OWNER)

    @contextmanager
    def borrow(self, user: str, role: str, reading: bool, settings: dict[str, str], database: str) -> Iterator[Lane]:
        """Lend a lane in this state, one that only reads if so asked.

        Raises ClickHouseError for settings and databases that the engine refuses, and where too many are lent.
        """
        with self._lock:
            if self._lent >= _MOST_LENT:
                text = f"Too many simultaneous queries. Maximum: {_MOST_LENT}"
                raise ClickHouseError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", text)
            self._lent += 1
            lane = self._take(user, role, reading, settings)
        try:
            lane = lane or self.fresh(user, role)
            if reading:
                lane.limit_to_reading()
            lane.adjust(settings, database)
            yield lane
        finally:
            self._give_back(lane)

    def _take(self, user: str, role: str, reading: bool, settings: dict[str, str]) -> Lane | None:
        """Return the idle lane that fits best: one that has the settings already, else any of that kind."""
        kind = (user, role, 2 if reading else 0)
        found = None
        for lane in reversed(self._idle):
            if (lane.user, lane.role, lane.readonly) == kind:
                found = found or lane
                if lane.settings == settings:
                    found = lane
                    break
        if found is not None:
            self._idle.remove(found)
        return found

    def _give_back(self, lane: Lane | None) -> None:
        with self._lock:
            self._lent -= 1
            if lane is not None and not lane.disposable and len(self._idle) < _IDLE:
                self._idle.append(lane)
                return
        if lane is not None:
            lane.close()

    def fresh(self, user: str, role: str) -> Lane:
        """Return a new lane that belongs to the caller."""
        return Lane(self._engine, user, role)

    def close(self) -> None:
        """Close the idle lanes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for lane in [*idle, self.admin]:
            lane.close()
