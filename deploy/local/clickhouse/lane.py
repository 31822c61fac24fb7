"""A lane: one chDB connection with its own thread. One statement at a time runs on it, and can be stopped.

The thread makes a statement findable: the engine lists its number in `system.processes.thread_ids`, and as nothing
else ever runs on it, `KILL QUERY WHERE has(thread_ids, …)` stops this lane's statement and no other.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from deploy.local.clickhouse.engine import ANALYST, OWNER, Engine
from deploy.local.clickhouse.errors import ClickHouseError, from_engine

T = TypeVar("T")

# chDB switches these on for every connection; a server does not.
_AS_SERVER = {
    "implicit_select": "0",
    "allow_introspection_functions": "0",
    "storage_file_read_method": "pread_threadpool",
}


class Job(Generic[T]):
    """Work on a lane. `wait` gives its result or raises its error; `ended` is a descriptor that reads EOF then."""

    def __init__(self, work: Callable[[], T], on_end: Callable[[], None]) -> None:
        self._work = work
        self._on_end = on_end
        self._lock = threading.Lock()
        self._lock.acquire()
        self._value: T
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work; called on the lane's thread."""
        try:
            self._value = self._work()
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
            self._error = error
        self._lock.release()
        self._on_end()

    def ended(self, seconds: float) -> bool:
        """Return whether the work has ended, waiting at most so long for it."""
        if not self._lock.acquire(timeout=seconds):
            return False
        self._lock.release()
        return True

    def wait(self) -> T:
        """Return the result once there is one."""
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._value


class Lane:
    """One connection. Settings, database and role belong to it; whoever borrows it says what they must be."""

    def __init__(self, engine: Engine, user: str, role: str) -> None:
        self.user = user
        self.role = role
        self.settings: dict[str, str] = {}
        self.database = "default"
        self.readonly = 0
        self.disposable = False  # its state was changed by a statement: not to be lent again
        self._engine = engine
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._gate = threading.Lock()  # held while a job begins, and while one is being stopped
        self._at_work = False
        self.connection = engine.connect()
        self._baseline = {**_AS_SERVER, **engine.limits}
        first = [f"SET ROLE {role}", f"SET profile = '{role}'", _set(self._baseline)]
        for sql in first if role in (OWNER, ANALYST) else ():
            self.effect(sql)
        if role == ANALYST:
            self.limit_to_reading(2)
        self._thread = threading.Thread(target=self._serve, name="lane", daemon=True)
        self._thread.start()

    @property
    def thread_id(self) -> int:
        """Return the number by which the engine knows the lane's thread."""
        return self._thread.native_id or 0

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            with self._gate:
                self._at_work = True
            job.run()
            self._at_work = False

    def start(self, work: Callable[[], T], on_end: Callable[[], None] = lambda: None) -> Job[T]:
        """Run `work` on the lane's thread."""
        job = Job(work, on_end)
        self._jobs.put(job)
        return job

    def stop_statement(self, admin: "Lane", is_wanted: Callable[[], bool]) -> None:
        """Ask the engine to stop what runs here, if `is_wanted` still says so.

        No other job can begin on this lane meanwhile, so it is never another statement that is stopped.
        """
        with self._gate:
            if self._at_work and is_wanted():
                admin.effect(f"KILL QUERY WHERE has(thread_ids, {self.thread_id}) ASYNC")

    def effect(self, sql: str) -> None:
        """Run a small statement without a result, here and now; raises ClickHouseError."""
        try:
            self.connection.query(sql, "TabSeparated")
        except RuntimeError as error:
            raise from_engine(str(error), self.user) from error

    def rows(self, sql: str) -> list[list[str]]:
        """Return the rows of a small query as text."""
        return self._engine.rows(self.connection, sql)

    def set(self, name: str, value: str) -> None:
        """Set one setting of the connection."""
        self.effect(_set({name: value}))

    def limit_to_reading(self, level: int) -> None:
        """Let the engine refuse writing from now on; it cannot be taken back (`level` as ClickHouse's readonly)."""
        if level > self.readonly or (self.readonly == 2 and level == 1):
            self.effect(f"SET readonly = {level}")
            self.readonly = level

    def adjust(self, settings: dict[str, str], database: str) -> None:
        """Make these settings (others at their defaults) and this database current; raises ClickHouseError."""
        if settings != self.settings:
            changed = {name: value for name, value in settings.items() if self.settings.get(name) != value}
            gone = [name for name in self.settings if name not in settings]
            self.disposable = True  # until it is known that everything was taken over
            if changed or gone:
                restored = {name: self._baseline[name] for name in gone if name in self._baseline}
                defaults = [name for name in gone if name not in self._baseline]
                self.effect(_set({**changed, **restored}, defaults))
            self.settings = dict(settings)
            self.disposable = False
        if database != self.database:
            self.effect(f"USE {quoted_name(database)}")
            self.database = database

    def close(self) -> None:
        """End the thread and the connection, once the running statement has ended."""
        self._jobs.put(None)
        self._thread.join()
        self.connection.close()


def _set(settings: dict[str, str], defaults: list[str] | None = None) -> str:
    for name in settings:
        if not name.replace("_", "a").isalnum() or not name.isascii() or name[0].isdigit():
            raise ClickHouseError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
    parts = [f"{name} = {quoted(value)}" for name, value in settings.items()]
    return "SET " + ", ".join([*parts, *(f"{name} = DEFAULT" for name in defaults or ())])


def quoted(value: str) -> str:
    """Return `value` as a string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(name: str) -> str:
    """Return `name` as a quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
