"""Lanes to borrow, one per running statement. A lane that was left in a changed state is not lent again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.clickhouse.engine import OWNER, Engine
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lane import Lane

_IDLE = 32  # lanes kept for the next statement; each is a thread and some hundred kilobytes
_BORROWED = 256  # statements at once


class LanePool:
    """Idle lanes by user and readonly level; the one whose settings fit best is lent first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[Lane] = []
        self._lent = 0
        self._lock = threading.Lock()
        self.admin = Lane(engine, "default", OWNER)

    @contextmanager
    def borrow(self, user: str, role: str, readonly: int, settings: dict[str, str], database: str) -> Iterator[Lane]:
        """Lend a lane in this state; raises ClickHouseError for settings and databases that the engine refuses."""
        with self._lock:
            if self._lent >= _BORROWED:
                text = f"Too many simultaneous queries. Maximum: {_BORROWED}"
                raise ClickHouseError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", text)
            self._lent += 1
            lane = self._take(user, role, readonly, settings)
        try:
            if lane is None:
                lane = self.fresh(user, role)
            lane.adjust(settings, database)
            lane.limit_to_reading(readonly)
            yield lane
        except BaseException:
            with self._lock:
                self._lent -= 1
            if lane is not None:
                self._retire(lane)
            raise
        with self._lock:
            self._lent -= 1
            keep = not lane.disposable and len(self._idle) < _IDLE
            if keep:
                self._idle.append(lane)
        if not keep:
            lane.close()

    def _retire(self, lane: Lane) -> None:
        lane.close()

    def _take(self, user: str, role: str, readonly: int, settings: dict[str, str]) -> Lane | None:
        fitting = [
            index
            for index, lane in enumerate(self._idle)
            if lane.user == user and lane.role == role and lane.readonly == readonly
        ]
        if not fitting:
            return None
        exact = [index for index in fitting if self._idle[index].settings == settings]
        return self._idle.pop((exact or fitting)[-1])

    def fresh(self, user: str, role: str) -> Lane:
        """Return a new lane that belongs to the caller."""
        return Lane(self._engine, user, role)

    def close(self) -> None:
        """Close the idle lanes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for lane in [*idle, self.admin]:
            lane.close()
