"""The statements that run now, by the id their clients know; and how they are stopped.

chDB gives every statement an id of its own that cannot be chosen. `KILL QUERY WHERE query_id = '…'` therefore comes
here, not to the engine.
"""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.clickhouse.engine import check_single
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lane import Lane

KILL = re.compile(
    r"\s*KILL\s+QUERY\s+(?:ON\s+CLUSTER\s+\S+\s+)?WHERE\s+\(?\s*query_id\s*(?:=|LIKE)\s*'(?P<id>(?:[^'\\]|\\.)*)'\s*\)?"
    r"\s*(?P<mode>SYNC|ASYNC|TEST)?\s*(?:FORMAT\s+(?P<format>\w+))?\s*;?\s*",
    re.I | re.S,
)


@dataclass
class Running:
    """A statement under way."""

    query_id: str
    user: str
    text: str
    lane: Lane
    readonly: bool  # may be stopped when its client goes away


class Registry:
    """All running statements."""

    def __init__(self, admin: Lane) -> None:
        self._admin = admin
        self._admin_lock = threading.Lock()
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()

    @contextmanager
    def add(self, running: Running) -> Iterator[None]:
        """List the statement while it runs; raises where its id runs already."""
        with self._lock:
            if running.query_id in self._running:
                text = f"Query with id = {running.query_id} is already running"
                raise ClickHouseError(216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", text)
            self._running[running.query_id] = running
        try:
            yield
        finally:
            with self._lock:
                del self._running[running.query_id]

    def stop(self, running: Running) -> None:
        """Ask the engine once to stop the statement. Nothing happens before it is in the engine's process list."""
        with self._admin_lock:
            running.lane.stop_statement(self._admin, lambda: self._running.get(running.query_id) is running)

    def find(self, query_id: str, user: str | None) -> Running | None:
        """Return the running statement of that id (and user, where one is given)."""
        with self._lock:
            running = self._running.get(query_id)
        return running if running is not None and user in (None, running.user) else None

    def kill(self, running: Running, *, wait: bool) -> None:
        """Stop the statement; with `wait` return when it has ended."""
        self.stop(running)
        while wait and self.find(running.query_id, None) is running:
            time.sleep(0.02)
            self.stop(running)

    def figures(self, running: Running) -> dict[str, str]:
        """Return how far the statement is, in the words of X-ClickHouse-Progress."""
        sql = (
            "SELECT read_rows, read_bytes, written_rows, written_bytes, total_rows_approx, toUInt64(elapsed * 1e9), "
            f"memory_usage FROM system.processes WHERE has(thread_ids, {running.lane.thread_id})"
        )
        with self._admin_lock:
            rows = self._admin.rows(sql)
        names = (
            "read_rows",
            "read_bytes",
            "written_rows",
            "written_bytes",
            "total_rows_to_read",
            "elapsed_ns",
            "memory_usage",
        )
        return dict(zip(names, rows[0] if rows else ["0"] * len(names), strict=True))

    def check_single(self, text: str) -> str:
        """Return the engine's class of the statement, see `engine.check_single`; nothing is run."""
        with self._admin_lock:
            return check_single(self._admin.connection, text)

    def __len__(self) -> int:
        """Return how many statements run."""
        return len(self._running)

    def everything(self) -> list[Running]:
        """Return the statements that run now."""
        with self._lock:
            return list(self._running.values())
