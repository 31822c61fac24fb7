"""Statements with a result. A SELECT's is streamed through a pipe, however large; small answers come whole.

The engine writes a SELECT's result into the pipe in whatever format it was asked for, and waits while the pipe is full:
a slow client slows its query down instead of filling memory. (chDB's own streaming gives each block as a document of
its own, which only a few formats survive.)
"""

import fcntl
import os
import select
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from deploy.local.clickhouse.errors import ClickHouseError, Disconnected, from_engine
from deploy.local.clickhouse.lane import Lane
from deploy.local.clickhouse.outcome import Outcome, of_query
from deploy.local.clickhouse.request import QueryRequest
from deploy.local.clickhouse.response import Response
from deploy.local.clickhouse.running import Registry, Running
from deploy.local.clickhouse.statement import Shape, Statement

_PIPE_BYTES = 1 << 20  # Linux allows everybody this much
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ
_STOP_EVERY_S = 0.05


def run(
    running: Running, registry: Registry, request: QueryRequest, statement: Statement, text: bytes,
    response: Response, sock: socket.socket, spool: Path,
) -> Outcome:  # fmt: skip
    """Run a statement and send its result; the head goes out with what is known by then.

    Raises ClickHouseError, and Disconnected when the client went away, after the statement has been stopped.
    """
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, _SET_PIPE_SIZE, _PIPE_BYTES)
    except OSError:
        pass  # over the user's allowance: a smaller pipe does too
    sql = _into_pipe(statement, text, writer, request.format) if statement.shape is Shape.SELECT else text
    lane = running.lane
    job = lane.start(lambda: _query(lane, sql, request), on_end=lambda: os.close(writer))
    follower = _Follower(reader, sock, running, registry, request, response, spool)
    try:
        held = follower.follow()
        try:
            result = job.wait()
        except RuntimeError as error:
            raise from_engine(str(error), lane.user) from error
        outcome = of_query(result)
        response.headers["X-ClickHouse-Summary"] = outcome.summary()
        follower.finish(held if statement.shape is Shape.SELECT else result.bytes())
        return outcome
    finally:
        follower.close()  # which wakes an engine that waits for room in the pipe
        while not job.ended(_STOP_EVERY_S):
            registry.stop(running)


def _query(lane: Lane, sql: bytes, request: QueryRequest) -> Any:
    try:
        text = sql.decode()
    except UnicodeDecodeError as error:
        raise ClickHouseError(62, "SYNTAX_ERROR", f"Syntax error: the statement is not UTF-8: {error}") from error
    return lane.connection.query(text, request.format, params=request.parameters)


def _into_pipe(statement: Statement, text: bytes, writer: int, format_: str) -> bytes:
    head, tail = text[: statement.outfile], text[statement.outfile : statement.end]
    return b"%b INTO OUTFILE '/dev/fd/%d' APPEND %b" % (head, writer, tail or b"FORMAT " + format_.encode())


class _Follower:
    """Carries a result from the pipe to the client while the statement runs, and stops it when the client leaves."""

    def __init__(
        self, reader: int, sock: socket.socket, running: Running, registry: Registry, request: QueryRequest,
        response: Response, spool: Path,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._socket = sock
        self._running = running
        self._registry = registry
        self._request = request
        self._response = response
        self._spool = spool
        self._overflow: IO[bytes] | None = None

    def follow(self) -> bytes:
        """Return at the end of the statement, with what was held back of the result."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(self._socket, select.POLLRDHUP)
        held: list[bytes] = []
        size = 0
        interval = self._request.progress_ms
        next_progress = time.monotonic() + (interval or 0) / 1000
        while True:
            ready = poll.poll(None if interval is None else max(1, interval))
            descriptors = {descriptor for descriptor, _ in ready}
            if self._reader in descriptors:
                data = os.read(self._reader, _PIPE_BYTES)
                if not data:
                    return b"".join(held)
                held.append(data)
                size += len(data)
                if size >= self._request.buffer_bytes:
                    self._pass_on(b"".join(held))
                    held, size = [], 0
            if self._socket.fileno() in descriptors:
                self._gone()
                poll.unregister(self._socket)
            if interval is not None and time.monotonic() >= next_progress:
                self._try(lambda: self._response.progress(self._registry.figures(self._running)))
                next_progress = time.monotonic() + interval / 1000

    def _pass_on(self, data: bytes) -> None:
        if not self._request.wait_end:
            self._try(lambda: self._response.write(data))
            return
        if self._overflow is None:
            self._overflow = tempfile.TemporaryFile(dir=self._spool)  # noqa: SIM115 - closed by close()
        self._overflow.write(data)

    def _try(self, send: Callable[[], None]) -> None:
        try:
            send()
        except Disconnected:
            self._gone()

    def _gone(self) -> None:
        """Give up a statement that only reads; one that changes something goes on to its end."""
        if self._running.readonly:
            raise Disconnected

    def finish(self, held: bytes) -> None:
        """Send the rest of the result."""
        if self._overflow is not None:
            self._overflow.seek(0)
            while data := self._overflow.read(_PIPE_BYTES):
                self._response.write(data)
        if self._response.head_sent:
            if held:
                self._response.write(held)
            self._response.end()
        else:
            self._response.send(held)

    def close(self) -> None:
        """Give back what the follower holds."""
        if self._reader >= 0:
            os.close(self._reader)
        if self._overflow is not None:
            self._overflow.close()
