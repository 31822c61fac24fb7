"""Named sessions (`session_id`): a lane that keeps its settings, database and temporary tables between requests."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lane import Lane
from deploy.local.clickhouse.pool import LanePool


@dataclass
class _Session:
    lane: Lane
    lock: threading.Lock = field(default_factory=threading.Lock)
    expires: float = 0.0


class Sessions:
    """Sessions by user and id. A session serves one request at a time and ends when it was idle for its timeout."""

    def __init__(self, pool: LanePool) -> None:
        self._pool = pool
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def enter(self, user: str, role: str, name: str, *, seconds: int, must_exist: bool, close: bool) -> Iterator[Lane]:
        """Give the session's lane; raises SESSION_NOT_FOUND and SESSION_IS_LOCKED as the server does."""
        key = (user, name)
        self.expire()
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                if must_exist:
                    raise ClickHouseError(372, "SESSION_NOT_FOUND", f"Session {name} not found")
                session = self._sessions[key] = _Session(self._pool.fresh(user, role))
            if not session.lock.acquire(blocking=False):
                raise ClickHouseError(373, "SESSION_IS_LOCKED", f"Session {name} is locked by a concurrent client")
        try:
            yield session.lane
        finally:
            session.expires = time.monotonic() + seconds
            session.lock.release()
            if close:
                self._drop([key])

    def expire(self) -> None:
        """Close the sessions whose time is over."""
        now = time.monotonic()
        with self._lock:
            over = [
                key for key, session in self._sessions.items() if session.expires < now and not session.lock.locked()
            ]
        self._drop(over)

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            keys = list(self._sessions)
        self._drop(keys)

    def _drop(self, keys: list[tuple[str, str]]) -> None:
        for key in keys:
            with self._lock:
                session = self._sessions.get(key)
                if session is None or not session.lock.acquire(blocking=False):
                    continue
                del self._sessions[key]
            session.lane.close()


@contextmanager
def state_for_one_query(lane: Lane, settings: dict[str, str], database: str, keyword: str) -> Iterator[None]:
    """Let a session's lane have these settings and this database for one query; SET and USE change it for good."""
    try:
        lane.adjust({} if keyword == "SET" else settings, lane.home if keyword == "USE" else database or lane.home)
        yield
    finally:
        lane.disposable = False  # a session goes on, whatever happened in it
        if keyword == "SET":
            lane.was_set()
        elif keyword == "USE":
            lane.was_moved()
