"""INSERT with data: the body is handed to the engine piece by piece while it arrives; all of it or nothing counts.

A client that breaks off before the end of its body has inserted nothing, unless the data is larger than one block of
the engine (a million rows), which is how a server has it too.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from queue import Full, Queue
from typing import Any

from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lane import Job, quoted
from deploy.local.clickhouse.outcome import Done, Outcome, of_query
from deploy.local.clickhouse.query import Query

_PIECE_BYTES = 1 << 20
_PIECES_AHEAD = 4


def run(query: Query, body: Iterator[bytes]) -> Done:
    """Insert `body`, the data after the statement; raises ClickHouseError and what `body` raises."""
    outcome = _append(query, body) if query.statement.input is None else _through_pipe(query, body)
    return Done(outcome, lambda: query.response.send(b""))


def _append(query: Query, body: Iterator[bytes]) -> Outcome:
    lane, head = query.lane, query.sql(query.text[: query.statement.end])
    for name, value in query.parameters.items():
        lane.set(f"param_{name}", value)  # a streaming insert takes parameters from its connection only
        lane.disposable = True
    pieces: Queue[bytes | None] = Queue(_PIECES_AHEAD)
    over = threading.Event()
    stopped = threading.Event()

    def work() -> Any:
        with query.running.inside():
            return lane.insert(head, query.statement.format or "Values", _until_stopped(pieces, stopped))

    def stop() -> None:
        stopped.set()
        with contextlib.suppress(Full):  # then it is not waiting for a piece
            pieces.put_nowait(None)

    def end() -> None:
        over.set()
        while not pieces.empty():  # whoever waits to put one more must not wait for ever
            pieces.get_nowait()

    query.running.on_stop = stop
    job = lane.start(work, on_end=end)
    _feed(body, lambda piece: _put(pieces, piece, over), lambda: _put(pieces, None, over), job)
    _put(pieces, b"", over)
    result = job.wait()
    if result is None:
        raise ClickHouseError(394, "QUERY_WAS_CANCELLED", "Query was cancelled")
    return Outcome(
        read_rows=result.rows_written(),
        read_bytes=result.bytes_written(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_written(),
        result_bytes=result.bytes_written(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )


def _until_stopped(pieces: "Queue[bytes | None]", stopped: threading.Event) -> Iterator[bytes | None]:
    """Yield the pieces up to the empty one, which is the end; None once the insert is to be given up."""
    while (piece := pieces.get()) != b"":
        yield None if stopped.is_set() else piece


def _put(pieces: "Queue[bytes | None]", piece: bytes | None, over: threading.Event) -> bool:
    """Hand over a piece; False when nobody takes it any more."""
    if not over.is_set():
        pieces.put(piece)
    return not over.is_set()


def _through_pipe(query: Query, body: Iterator[bytes]) -> Outcome:
    """Run INSERT … SELECT … FROM input('…') FORMAT f: chDB has no input(), so the data is a file: a pipe."""
    text, statement, lane = query.text, query.statement, query.lane
    assert statement.input is not None
    reader, writer = os.pipe()
    start, end = statement.input
    source = f"file('/dev/fd/{reader}', {quoted(statement.format or '')}, ".encode()
    sql = query.sql(text[:start] + source + text[text.index(b"(", end) + 1 : statement.end])

    def work() -> Any:
        with query.running.inside():
            return lane.query(sql, "TabSeparated", query.parameters)

    job = lane.start(work, on_end=lambda: os.close(reader))
    with os.fdopen(writer, "wb", buffering=0) as pipe:

        def write(piece: bytes) -> bool:
            try:
                pipe.write(piece)
            except BrokenPipeError:
                return False
            return True

        _feed(body, write, lambda: False, job)
    return of_query(job.wait())


def _feed(body: Iterator[bytes], put: Callable[[bytes], bool], cancel: Callable[[], bool], job: Job[Any]) -> None:
    """Put the body in pieces of about `_PIECE_BYTES`; on a broken body cancel, wait for the end and raise."""
    held: list[bytes] = []
    size = 0
    try:
        for chunk in body:
            held.append(chunk)
            size += len(chunk)
            if size >= _PIECE_BYTES:
                if not put(b"".join(held)):
                    return
                held, size = [], 0
    except BaseException:
        cancel()
        job.ended(-1)
        raise
    if size:
        put(b"".join(held))
