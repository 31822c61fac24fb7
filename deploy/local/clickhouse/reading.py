"""Statements with a result, or with none to speak of.

A SELECT's result is streamed through a pipe: the engine writes it in whatever format was asked for, and waits while the
pipe is full, so a slow client slows its query down instead of filling memory. (chDB's own streaming gives each block as
a document of its own, which only a few formats survive.) What SHOW, DESCRIBE and the like answer is small, and comes
whole.
"""

import contextlib
import fcntl
import os
import re
import select
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from deploy.local.clickhouse.errors import ClickHouseError, Disconnected
from deploy.local.clickhouse.native import VERSION, Upgrade
from deploy.local.clickhouse.outcome import Done, of_query
from deploy.local.clickhouse.query import Query
from deploy.local.clickhouse.running import LEAVE_S
from deploy.local.clickhouse.statement import Shape

_PIPE_BYTES = 1 << 20  # Linux allows everybody this much
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ
_STOP_EVERY_S = 0.05
_INTO_PIPE = re.compile(r" INTO OUTFILE '/dev/fd/\d+' APPEND(?: FORMAT \w+)?")


def run(query: Query, spool: Path) -> Done:
    """Run the statement; the end of its answer is still to be sent, by what comes back, when the lane is free.

    `spool` is the folder for what must be held back and is large. Raises ClickHouseError, and Disconnected when the
    client went away, after the statement has been stopped.
    """
    if query.statement.shape is not Shape.SELECT:
        return _whole(query)
    try:
        return _streamed(query, spool)
    except ClickHouseError as error:
        if error.code == 62:  # the same error, but for the text that the client sent
            if query.registry.check_single(query.sql()) == "UNKNOWN":  # the engine cannot parse it
                query.lane.effect(query.sql())
            error.text = _INTO_PIPE.sub("", error.text)
        raise


def _whole(query: Query) -> Done:
    """Run the statement on this thread. The registry's watch looks after its client meanwhile."""
    sql, running = query.sql(), query.running
    if query.request.progress_ms is not None:
        running.progress_s = running.next_progress = query.request.progress_ms / 1000
        running.progress = query.send_progress
    running.client = query.client
    try:
        with running.inside():
            result = query.lane.query(sql, query.request.format, query.parameters)
    except ClickHouseError as error:
        if running.gone:
            raise Disconnected from error
        raise
    body, upgrade = result.bytes(), _upgrade(query)
    if upgrade is not None:
        body = upgrade.feed(body) + upgrade.end()
    return Done(of_query(result), lambda: query.response.send(body))


def _upgrade(query: Query) -> Upgrade | None:
    """Return what makes the result's bytes those of the version that the client asked for, where they differ."""
    is_native = (query.statement.format or query.request.format) == "Native"
    return Upgrade() if is_native and query.request.protocol_version >= VERSION else None


def _streamed(query: Query, spool: Path) -> Done:
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):  # over the user's allowance: a smaller pipe does too
        fcntl.fcntl(writer, _SET_PIPE_SIZE, _PIPE_BYTES)
    follower = _Follower(query, reader, spool)
    job = query.lane.start(lambda: _into_pipe(query, writer), on_end=lambda: os.close(writer))
    try:
        held = follower.follow()
        return Done(of_query(job.wait()), lambda: follower.finish(held))
    finally:
        follower.close()  # which wakes an engine that waits for room in the pipe
        while not job.ended(_STOP_EVERY_S):
            query.registry.stop(query.running)


def _into_pipe(query: Query, writer: int) -> Any:
    """Run the SELECT on the lane's thread, its result going into the pipe."""
    text, statement = query.text, query.statement
    tail = text[statement.outfile : statement.end] or b"FORMAT " + query.request.format.encode()
    sql = query.sql(b"%b INTO OUTFILE '/dev/fd/%d' APPEND %b" % (text[: statement.outfile], writer, tail))
    with query.running.inside():
        return query.lane.query(sql, query.request.format, query.parameters)


class _Follower:
    """Carries a result from the pipe to the client while the statement runs, and stops it when the client leaves."""

    def __init__(self, query: Query, reader: int, spool: Path) -> None:
        self._query = query
        self._reader = reader
        self._spool = spool
        self._overflow: IO[bytes] | None = None
        self._upgrade = _upgrade(query)

    def follow(self) -> bytes:
        """Return at the end of the statement, with what was held back of the result."""
        client, interval = self._query.client, self._query.request.progress_ms
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(client, select.POLLRDHUP)
        held: list[bytes] = []
        size = 0
        due = time.monotonic() + (interval or 0) / 1000
        left: float | None = None
        while True:
            for descriptor, _ in poll.poll(interval if left is None else LEAVE_S * 1000):
                if descriptor != self._reader:
                    left = time.monotonic()
                    poll.unregister(client)
                    continue
                data = os.read(self._reader, _PIPE_BYTES)
                if not data:
                    return b"".join(held) + (self._upgrade.end() if self._upgrade else b"")
                if self._upgrade is not None:
                    data = self._upgrade.feed(data)
                held.append(data)
                size += len(data)
                if size >= self._query.request.buffer_bytes:
                    self._pass_on(b"".join(held))
                    held, size = [], 0
            if left is not None and time.monotonic() - left >= LEAVE_S:
                raise Disconnected
            if interval is not None and time.monotonic() >= due:
                self._query.send_progress()
                due = time.monotonic() + interval / 1000

    def _pass_on(self, data: bytes) -> None:
        if not self._query.request.wait_end:
            self._query.response.write(data)
            return
        if self._overflow is None:
            self._overflow = tempfile.TemporaryFile(dir=self._spool)  # noqa: SIM115 - outlives this call
        self._overflow.write(data)

    def finish(self, held: bytes) -> None:
        """Send the rest of the result."""
        response = self._query.response
        if self._overflow is not None:
            with self._overflow:
                self._overflow.seek(0)
                while data := self._overflow.read(_PIPE_BYTES):
                    response.write(data)
        if response.head_sent:
            if held:
                response.write(held)
            response.end()
        else:
            response.send(held)

    def close(self) -> None:
        """Read no more. (A temporary file closes with the last reference to it.)"""
        os.close(self._reader)
