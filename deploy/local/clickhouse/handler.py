"""One request, from its head to its answer."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from time import perf_counter

from deploy.local.clickhouse import inserting, reading
from deploy.local.clickhouse.body import take
from deploy.local.clickhouse.connection import Connection, HttpRequest
from deploy.local.clickhouse.engine import ANALYST, OWNER, Engine
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.external import external_tables, read_form
from deploy.local.clickhouse.formats import content_type
from deploy.local.clickhouse.killing import is_kill, kill
from deploy.local.clickhouse.lane import Lane
from deploy.local.clickhouse.outcome import Done
from deploy.local.clickhouse.pages import Pages
from deploy.local.clickhouse.pool import LanePool
from deploy.local.clickhouse.query import Query
from deploy.local.clickhouse.request import QueryRequest, read
from deploy.local.clickhouse.response import EXPOSED, Response
from deploy.local.clickhouse.running import Registry, Running
from deploy.local.clickhouse.sessions import Sessions, state_for_one_query
from deploy.local.clickhouse.statement import Shape, Statement
from deploy.local.clickhouse.statement import read as read_statement
from deploy.local.clickhouse.users import Users, check_guest
from schemas.metrics import counter, histogram

_REFUSED = {
    "many": (62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)"),
    "outfile": (358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed"),
    "infile": (78, "UNKNOWN_TYPE_OF_QUERY", "Query has infile and was send directly to server"),
    "python": (46, "UNKNOWN_FUNCTION", "Unknown table function Python"),
}
_PLAIN = "text/plain; charset=UTF-8"
_SHOWN_BYTES = 1 << 14  # of a statement, to whoever kills it


class Handler:
    """Answers requests. One instance serves all connections, each from its own thread."""

    def __init__(self, engine: Engine, users: Users) -> None:
        self._engine = engine
        self._users = users
        self._pool = LanePool(engine)
        self.registry = Registry(self._pool.admin)
        self.sessions = Sessions(self._pool)
        self._pages = Pages(self._pool, lambda: len(self.registry.everything()), engine.version)

    def handle(self, http: HttpRequest, connection: Connection) -> bool:
        """Answer one request; return whether the connection may serve another. Raises Disconnected."""
        response = Response(
            connection.socket, keep_alive=http.keep_alive, version=http.version, head_only=http.method == "HEAD"
        )
        response.headers["X-ClickHouse-Server-Display-Name"] = self._engine.host
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if http.path == "/" and (
            http.method == "POST" or (http.method in ("GET", "HEAD") and _asks(http.query_string))
        ):
            self._statement(http, response, connection)
        else:
            self._pages.answer(http.method, http.path, response)
        return http.drain() and response.keep_alive

    def close(self) -> None:
        """Give back all lanes."""
        self.sessions.close()
        self._pool.close()

    def _statement(self, http: HttpRequest, response: Response, connection: Connection) -> None:
        begun = perf_counter()
        kind = "none"
        response.begin_tag()
        try:
            form = read_form(http) if "content-type" in http.headers else None
            request = read(http.method, http.query_string, http.headers, form.fields if form else None)
            role = self._users.role(request.user, request.password)
            request.query_id = request.query_id or str(uuid.UUID(bytes=os.urandom(16), version=4))
            response.headers["X-ClickHouse-Query-Id"] = request.query_id
            if request.cors:
                response.headers["Access-Control-Allow-Origin"] = "*"
            response.compress(
                native_blocks=request.blocks, accepted=request.accept_encoding, level=request.compression_level
            )
            text, statement, data = take(request, http, form is not None)
            kind = statement.shape.value
            self._check(request, role, text, statement)
            if is_kill(text):
                text, request.parameters = kill(text, self.registry, request.user if role != OWNER else None)
                statement = read_statement(text)
            with ExitStack() as stack:
                lane = self._lane(stack, request, role, statement)
                if form is not None:
                    stack.enter_context(external_tables(lane, form, request.raw))
                done = self._run(stack, lane, request, text, statement, data, response, connection)
            # Only now, when lane and session are free: the client's next request may follow at once.
            outcome = done.outcome
            response.headers["X-ClickHouse-Summary"] = outcome.summary()
            done.send_rest()
            counter("kith_clickhouse_rows_total").labels("read").inc(outcome.read_rows)
            counter("kith_clickhouse_rows_total").labels("written").inc(outcome.written_rows)
        except ClickHouseError as error:
            counter("kith_clickhouse_errors_total").labels(str(error.code)).inc()
            response.fail(error, self._engine.version)
        finally:
            histogram("kith_clickhouse_query_seconds").labels(kind).observe(perf_counter() - begun)

    def _check(self, request: QueryRequest, role: str, text: bytes, statement: Statement) -> None:
        """Refuse what a server would refuse before it runs anything."""
        if statement.refused:
            raise ClickHouseError(*_REFUSED[statement.refused])
        if not statement.keyword:
            raise ClickHouseError(62, "SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): Empty query")
        if request.role is not None:
            why = f"Role {request.role} should be granted to set as a current"
            raise ClickHouseError(512, "SET_NON_GRANTED_ROLE", why)
        if is_kill(text) or (role == OWNER and not (request.readonly and request.session_id)):
            return
        is_insert = statement.shape is Shape.INSERT
        verdict = "MUTATING" if is_insert else self.registry.check_single(text.decode("utf-8", "replace"))
        if role != OWNER:
            check_guest(role, text, verdict, request.parameters, request.settings)
        if request.readonly and request.session_id and verdict.startswith("MUTATING"):
            # A session's connection cannot be made read-only for one query.
            raise ClickHouseError(164, "READONLY", f"{request.user}: Cannot execute query in readonly mode")

    def _lane(self, stack: ExitStack, request: QueryRequest, role: str, statement: Statement) -> Lane:
        """Return a lane in the state that the request asks for: the session's, or a borrowed one."""
        if request.session_id is None:
            reading_only = request.readonly or role == ANALYST
            lane = stack.enter_context(
                self._pool.borrow(request.user, role, reading_only, request.settings, request.database or "default")
            )
            lane.disposable = statement.stateful
            return lane
        lane = stack.enter_context(
            self.sessions.enter(
                request.user,
                role,
                request.session_id,
                seconds=request.session_seconds,
                must_exist=request.session_must_exist,
                close=request.close_session,
            )
        )
        stack.enter_context(state_for_one_query(lane, request.settings, request.database, statement.keyword))
        return lane

    def _run(
        self, stack: ExitStack, lane: Lane, request: QueryRequest, text: bytes, statement: Statement,
        data: Iterator[bytes], response: Response, connection: Connection,
    ) -> Done:  # fmt: skip
        has_result = statement.shape in (Shape.SELECT, Shape.ANSWER)
        running = Running(request.query_id, request.user, text[:_SHOWN_BYTES].decode("utf-8", "replace"), has_result)
        stack.enter_context(self.registry.add(running))
        query = Query(
            request, text, statement, request.parameters, lane, running, self.registry, response, connection.socket
        )
        response.headers["X-ClickHouse-Timezone"] = self._engine.timezone
        response.headers["Content-Type"] = _PLAIN
        if has_result:
            name = statement.format or request.format
            response.headers["X-ClickHouse-Format"] = name
            response.headers["Content-Type"] = content_type(name)
        if statement.shape is Shape.INSERT:
            return inserting.run(query, data)
        return reading.run(query, self._engine.spool)


def _asks(query_string: str) -> bool:
    """Return whether the URL holds a statement."""
    return any(part.startswith("query=") for part in query_string.split("&"))
