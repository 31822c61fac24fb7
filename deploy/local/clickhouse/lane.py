"""A lane: one chDB connection, in the state that a statement needs. One statement at a time runs on it."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from deploy.local.clickhouse.engine import ANALYST, Engine
from deploy.local.clickhouse.errors import ClickHouseError, from_engine

T = TypeVar("T")

# chDB changes these for every connection; a server does not.
_AS_SERVER = {
    "implicit_select": "0",
    "allow_introspection_functions": "0",
    "storage_file_read_method": "pread_threadpool",
}


class Job(Generic[T]):
    """Work on a lane's thread; `on_end` is called there when it is over."""

    def __init__(self, work: Callable[[], T], on_end: Callable[[], None]) -> None:
        self._work = work
        self._on_end = on_end
        self._over = threading.Lock()
        self._over.acquire()
        self._value: T
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work; called on the lane's thread."""
        try:
            self._value = self._work()
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
            self._error = error
        self._over.release()
        self._on_end()

    def ended(self, seconds: float) -> bool:
        """Return whether the work is over, waiting at most so long for it (-1: for ever)."""
        if not self._over.acquire(timeout=seconds):
            return False
        self._over.release()
        return True

    def wait(self) -> T:
        """Return the result once there is one, or raise the work's error."""
        with self._over:
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
        self.disposable = False  # a statement changed its state: not to be lent again
        self.connection = engine.connect()
        self._engine = engine
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.home = "default"  # the database where a request names none
        self._own = {**_AS_SERVER, **engine.limits}  # values that are not the defaults
        self._learns = False
        for sql in (f"SET ROLE {role}", f"SET profile = '{role}'", _set(self._own)):
            self.effect(sql)
        if role == ANALYST:
            self.limit_to_reading()

    def query(self, sql: str, format_: str, parameters: dict[str, str]) -> Any:
        """Run a statement on this thread; return chDB's result, or raise ClickHouseError."""
        _check_text(sql, *parameters, *parameters.values())
        try:
            return self.connection.query(sql, format_, params=parameters)
        except RuntimeError as error:
            raise from_engine(str(error), self.user) from error

    def effect(self, sql: str) -> None:
        """Run a small statement whose result does not matter."""
        self.query(sql, "Null", {})

    def insert(self, head: str, format_: str, pieces: Iterable[bytes | None]) -> Any:
        """Insert the pieces on this thread; return chDB's result, None where a piece was None: then nothing counts.

        `head` is the INSERT without its FORMAT. Raises ClickHouseError.
        """
        _check_text(head)
        insert = None
        try:
            insert = self.connection.send_insert(head, format_)
            for piece in pieces:
                if piece is None:
                    return None
                self.connection.insert_append(insert, piece)
            result, insert = self.connection.insert_done(insert), None
            return result
        except RuntimeError as error:
            raise from_engine(str(error), self.user) from error
        finally:
            if insert is not None:  # until it is cancelled the connection takes no other statement
                with contextlib.suppress(RuntimeError):
                    self.connection.insert_cancel(insert)

    def rows(self, sql: str) -> list[list[str]]:
        """Return the rows of a small query as text."""
        return self._engine.rows(self.connection, sql)

    def start(self, work: Callable[[], T], on_end: Callable[[], None] = lambda: None) -> Job[T]:
        """Run `work` on the lane's own thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="lane", daemon=True)
            self._thread.start()
        job = Job(work, on_end)
        self._jobs.put(job)
        return job

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()

    def set(self, name: str, value: str) -> None:
        """Set one setting of the connection."""
        self.effect(_set({name: value}))

    def use(self, database: str) -> None:
        """Make a database current."""
        self.effect(f"USE {quoted_name(database)}")
        self.database = database

    def limit_to_reading(self) -> None:
        """Let the engine refuse writing from now on; it cannot be taken back. Other settings can still be changed."""
        if not self.readonly:
            self.set("readonly", "2")
            self.readonly = 2

    def adjust(self, settings: dict[str, str], database: str) -> None:
        """Make these settings (others at the lane's own values) and this database current; raises ClickHouseError."""
        if settings != self.settings:
            changed = {name: value for name, value in settings.items() if self.settings.get(name) != value}
            gone = [name for name in self.settings if name not in settings]
            if self._learns:
                self._learn([name for name in changed if name not in self._own])
            restored = {name: self._own[name] for name in gone if name in self._own}
            self.disposable = True  # until it is known that everything was taken over
            self.effect(_set({**changed, **restored}, [name for name in gone if name not in self._own]))
            self.settings = dict(settings)
            self.disposable = False
        if database != self.database:
            self.use(database)

    def was_set(self) -> None:
        """Take note that a statement of the client has changed settings: what they are now is the lane's own."""
        self._own.clear()
        self._learns = True

    def was_moved(self) -> None:
        """Take note that a statement of the client may have changed the database."""
        self.home = self.database = self.rows("SELECT currentDatabase()")[0][0]

    def _learn(self, names: list[str]) -> None:
        if names:
            listed = ", ".join(quoted(name) for name in names)
            sql = f"SELECT name, value FROM system.settings WHERE name IN ({listed})"  # noqa: S608 - quoted
            self._own.update({row[0]: row[1] for row in self.rows(sql)})

    def close(self) -> None:
        """End the thread and the connection, once what runs on it has ended."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
        self.connection.close()


def _check_text(*texts: str) -> None:
    """Raise for what is not Unicode: chDB takes nothing else, and its error would show the whole statement."""
    try:
        for text in texts:
            if not text.isascii():
                text.encode()
    except UnicodeEncodeError as error:
        raise ClickHouseError(36, "BAD_ARGUMENTS", "The statement, a name or a value in it is not UTF-8") from error


def _set(settings: dict[str, str], defaults: list[str] | None = None) -> str:
    for name in settings:
        if not name.isascii() or not name.isidentifier():
            raise ClickHouseError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
    parts = [f"{name} = {quoted(value)}" for name, value in settings.items()]
    return "SET " + ", ".join([*parts, *(f"{name} = DEFAULT" for name in defaults or ())])


def quoted(value: str) -> str:
    """Return `value` as a string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(name: str) -> str:
    """Return `name` as a quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
