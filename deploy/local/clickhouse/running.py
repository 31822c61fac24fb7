"""The statements that run now, by the id their clients know; how they are watched, and stopped.

chDB gives every statement an id of its own that cannot be chosen. But the engine lists the threads of each statement,
the one that called it included: a statement is found by the thread it was called on. `KILL QUERY WHERE query_id = '…'`
therefore comes here, not to the engine.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from deploy.local.clickhouse.engine import check_single
from deploy.local.clickhouse.errors import ClickHouseError, Disconnected
from deploy.local.clickhouse.lane import Lane

_log = structlog.get_logger(__name__)
_WATCH_S = 0.05
# A client that has closed its side may only have said all that it has to say: it is given this long for its answer.
LEAVE_S = 0.5
_FIGURES = (
    "read_rows",
    "read_bytes",
    "written_rows",
    "written_bytes",
    "total_rows_to_read",
    "elapsed_ns",
    "memory_usage",
)


@dataclass
class Running:
    """A statement under way. It is in the engine while `thread_id` is set, and leaves it only through `_gate`."""

    query_id: str
    user: str
    text: str
    reads: bool  # it changes nothing: it may be stopped when its client goes away
    client: socket.socket | None = None  # watched from outside, because this statement's thread is in the engine
    progress: Callable[[], None] | None = None  # called from outside every `progress_s`
    progress_s: float = 0.0
    next_progress: float = 0.0
    on_stop: Callable[[], None] | None = None  # called when it is to be stopped: an INSERT does not hear the engine
    left_at: float = 0.0  # the age at which its client was first seen to have closed
    gone: bool = False  # the watch found the client gone
    left: bool = False  # it has been in the engine, and is no more
    since: float = field(default_factory=time.monotonic)
    thread_id: int = 0
    gate: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The calling thread is in the engine for this statement."""
        self.thread_id = threading.get_native_id()
        try:
            yield
        finally:
            with self.gate:
                self.thread_id, self.left = 0, True


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

    def find(self, query_id: str, user: str | None) -> Running | None:
        """Return the running statement of that id (and user, where one is given)."""
        with self._lock:
            running = self._running.get(query_id)
        return running if running is not None and user in (None, running.user) else None

    def everything(self) -> list[Running]:
        """Return the statements that run now."""
        with self._lock:
            return list(self._running.values())

    def stop(self, running: Running) -> None:
        """Ask the engine once to stop the statement; nothing happens while it is not in the engine.

        Its thread cannot take up another statement meanwhile, so never another one is stopped.
        """
        if running.on_stop is not None:
            running.on_stop()
        with running.gate, self._admin_lock:
            if running.thread_id:
                self._admin.effect(f"KILL QUERY WHERE has(thread_ids, {running.thread_id}) ASYNC")

    def kill(self, running: Running, *, wait: bool) -> None:
        """Stop the statement; with `wait` return when the engine is done with it."""
        self.stop(running)
        while wait and not running.left and self.find(running.query_id, None) is running:
            time.sleep(_WATCH_S)
            self.stop(running)

    def figures(self, running: Running) -> dict[str, str]:
        """Return how far the statement is, in the words of X-ClickHouse-Progress."""
        sql = f"""SELECT read_rows, read_bytes, written_rows, written_bytes, total_rows_approx, toUInt64(elapsed * 1e9),
            memory_usage FROM system.processes WHERE has(thread_ids, {running.thread_id})"""  # noqa: S608 - a number
        with self._admin_lock:
            rows = self._admin.rows(sql)
        return dict(zip(_FIGURES, rows[0] if rows else ["0"] * len(_FIGURES), strict=True))

    def check_single(self, text: str) -> str:
        """Return the engine's class of the statement, see `engine.check_single`; nothing is run."""
        with self._admin_lock:
            return check_single(self._admin.connection, text)

    def watch(self, over: threading.Event) -> None:
        """Until `over`: stop the statements whose clients are gone, and send progress to the clients that wait."""
        while not over.wait(_WATCH_S):
            for running in self.everything():
                age = time.monotonic() - running.since
                if age < _WATCH_S or not running.thread_id:
                    continue
                try:
                    self._look_after(running, age)
                except ClickHouseError as error:  # the next round tries again
                    _log.warning("clickhouse.watch_failed", code=error.code)

    def _look_after(self, running: Running, age: float) -> None:
        if running.client is not None and running.reads and _is_gone(running.client):
            running.left_at = running.left_at or age
            if age - running.left_at >= LEAVE_S:
                running.gone = True
                self.stop(running)
        elif running.progress is not None and age >= running.next_progress:
            running.next_progress = age + running.progress_s
            with running.gate:
                if running.thread_id:
                    with contextlib.suppress(Disconnected):  # the next look at the socket sees it
                        running.progress()


def _is_gone(client: socket.socket) -> bool:
    poll = select.poll()
    try:
        poll.register(client, select.POLLRDHUP)
    except (ValueError, OSError):
        return True
    return bool(poll.poll(0))
