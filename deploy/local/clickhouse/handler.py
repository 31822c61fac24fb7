"""What every path of the interface answers, and a statement's way from request to response."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import perf_counter

from deploy.local.clickhouse import inserting, reading
from deploy.local.clickhouse.blocks import Unpacker
from deploy.local.clickhouse.connection import Connection, HttpRequest
from deploy.local.clickhouse.encodings import decoder
from deploy.local.clickhouse.engine import ANALYST, Engine
from deploy.local.clickhouse.errors import ClickHouseError, Disconnected
from deploy.local.clickhouse.external import Form, external_tables, read_form
from deploy.local.clickhouse.formats import content_type
from deploy.local.clickhouse.metrics import Metrics
from deploy.local.clickhouse.outcome import Outcome
from deploy.local.clickhouse.pool import LanePool
from deploy.local.clickhouse.request import QueryRequest, read
from deploy.local.clickhouse.response import Response, exposed_headers
from deploy.local.clickhouse.running import KILL, Registry, Running
from deploy.local.clickhouse.sessions import Sessions, state_for_one_query
from deploy.local.clickhouse.statement import Shape, Statement, read_cached
from deploy.local.clickhouse.statement import read as read_statement
from deploy.local.clickhouse.users import Users, check_analyst

_STATEMENT_BYTES = 1 << 18  # an INSERT has its FORMAT within the server's max_query_size
_LARGEST_STATEMENT = 64 << 20
_CACHED_BYTES = 1 << 14
_REFUSED = {
    "many": (62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)"),
    "outfile": (358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed"),
    "infile": (78, "UNKNOWN_TYPE_OF_QUERY", "Query has infile and was send directly to server"),
    "python": (46, "UNKNOWN_FUNCTION", "Unknown table function Python"),
}
_NO_HANDLE = """There is no handle {path}

Use / or /ping for health checks.
Or /replicas_status for more sophisticated health checks.

Send queries from your program with POST method or GET /?query=...

Use clickhouse-client:

For interactive data analysis:
    clickhouse-client

For batch query processing:
    clickhouse-client --query='SELECT 1' > result
    clickhouse-client < query > result
"""


class Handler:
    """Answers requests. One instance serves all connections, each from its own thread."""

    def __init__(self, engine: Engine, users: Users, metrics: Metrics) -> None:
        self._engine = engine
        self._users = users
        self._metrics = metrics
        self._pool = LanePool(engine)
        self.registry = Registry(self._pool.admin)
        self.sessions = Sessions(self._pool)
        self._display = {"X-ClickHouse-Server-Display-Name": engine.host, **exposed_headers()}

    def handle(self, request: HttpRequest, connection: Connection) -> bool:
        """Answer one request; return whether the connection may serve another."""
        response = Response(
            connection.socket,
            keep_alive=request.keep_alive,
            version=request.version,
            head_only=request.method == "HEAD",
        )
        path = request.path
        if path == "/" and ("query=" in request.query_string or request.method == "POST"):
            self._query(request, response, connection)
        elif request.method == "OPTIONS":
            response.status = 204
            response.send(b"")
        elif request.method not in ("GET", "HEAD"):
            response.status = 405 if path in self._pages() else 404
            self._text(response, f"Method {request.method} is not served at {path}\n")
        elif page := self._pages().get(path):
            page(response)
        else:
            response.status = 404
            self._text(response, _NO_HANDLE.format(path=path))
        return request.drain() and response.keep_alive

    def close(self) -> None:
        """Give back all lanes."""
        self.sessions.close()
        self._pool.close()

    # Pages

    def _pages(self) -> dict[str, Callable[[Response], None]]:
        ok: Callable[[Response], None] = lambda response: self._text(response, "Ok.\n")  # noqa: E731
        return {
            "/": ok,
            "/ping": ok,
            "/replicas_status": ok,
            "/healthz": lambda response: self._json(response, b'{"status":"ok"}'),
            "/readyz": self._ready,
            "/metrics": self._exposition,
        }

    def _text(self, response: Response, text: str) -> None:
        response.headers.setdefault("Content-Type", "text/html; charset=UTF-8")
        response.headers.update(self._display)
        response.send(text.encode())

    def _json(self, response: Response, body: bytes) -> None:
        response.headers["Content-Type"] = "application/json"
        response.send(body)

    def _ready(self, response: Response) -> None:
        try:
            with self._pool.borrow("default", "owner", 0, {}, "default") as lane:
                lane.rows("SELECT 1")
        except ClickHouseError as error:
            response.fail(error, self._engine.version)
            return
        self._json(response, b'{"status":"ready"}')

    def _exposition(self, response: Response) -> None:
        response.headers["Content-Type"] = self._metrics.content_type
        response.send(self._metrics.exposition(len(self.registry)))

    # Statements

    def _query(self, http: HttpRequest, response: Response, connection: Connection) -> None:
        begun = perf_counter()
        shape, code, outcome = "none", 0, Outcome()
        response.headers.update(self._display)
        response.begin_tag()
        try:
            form = read_form(http) if "content-type" in http.headers else None
            request = read(http.method, http.query_string, http.headers, form.fields if form else None)
            role = self._users.role(request.user, request.password)
            response.headers["X-ClickHouse-Query-Id"] = request.query_id = request.query_id or str(uuid.uuid4())
            if request.cors:
                response.headers["Access-Control-Allow-Origin"] = "*"
            response.compress(
                native_blocks=request.blocks, accepted=request.accept_encoding, level=request.compression_level
            )
            text, body = _statement(request, http, form is not None)
            statement = read_cached(text) if len(text) <= _CACHED_BYTES else read_statement(text)
            shape = statement.shape.value
            self._check(statement, text, request, role)
            outcome = self._run(request, role, statement, text, body, form, response, connection)
        except ClickHouseError as error:
            code = error.code
            response.fail(error, self._engine.version)
        except Disconnected:
            code = 210
            raise
        finally:
            self._metrics.observe(shape, code, perf_counter() - begun, outcome)

    def _check(self, statement: Statement, text: bytes, request: QueryRequest, role: str) -> None:
        if statement.refused:
            raise ClickHouseError(*_REFUSED[statement.refused])
        if not statement.keyword:
            raise ClickHouseError(62, "SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): Empty query")
        if request.role is not None:
            raise ClickHouseError(
                512, "SET_NON_GRANTED_ROLE", f"Role {request.role} should be granted to set as a current"
            )
        if role == ANALYST and not KILL.fullmatch(text.decode("utf-8", "replace")):
            kind = "MUTATING" if statement.shape is Shape.INSERT else self.registry.check_single(_as_text(text))
            check_analyst(text[: statement.data or None], kind, request.parameters)

    def _run(
        self, request: QueryRequest, role: str, statement: Statement, text: bytes, body: Iterator[bytes],
        form: Form | None, response: Response, connection: Connection,
    ) -> Outcome:  # fmt: skip
        """Borrow a lane in the state the request asks for, and run the statement on it."""
        database = request.database or "default"
        with ExitStack() as stack:
            if request.session_id is not None:
                lane = stack.enter_context(
                    self.sessions.enter(
                        request.user, role, request.session_id,
                        seconds=request.session_seconds, must_exist=request.session_must_exist, close=request.close_session,
                    )
                )  # fmt: skip
                stack.enter_context(state_for_one_query(lane, request.settings, request.database))
            else:
                level = 2 if request.readonly or role == ANALYST else 0
                lane = stack.enter_context(self._pool.borrow(request.user, role, level, request.settings, database))
                lane.disposable = statement.stateful
            if form is not None:
                stack.enter_context(external_tables(lane, form, request.raw))
            if kill := KILL.fullmatch(text.decode("utf-8", "replace")):
                statement, text = self._kill(kill, request, role)
            response.headers["X-ClickHouse-Timezone"] = self._engine.timezone
            reads = statement.shape in (Shape.SELECT, Shape.ANSWER)
            running = Running(request.query_id, request.user, _as_text(text[:_CACHED_BYTES]), lane, reads)
            stack.enter_context(self.registry.add(running))
            if statement.shape is Shape.INSERT:
                outcome = inserting.run(lane, statement, text, _data(text, statement, body), request.parameters)
                self._finish(response, outcome)
                return outcome
            if reads:
                name = statement.format or request.format
                response.headers["X-ClickHouse-Format"] = name
                response.headers["Content-Type"] = content_type(name)
            else:
                response.headers["Content-Type"] = "text/plain; charset=UTF-8"
            try:
                return reading.run(
                    running, self.registry, request, statement, text, response, connection.socket, self._engine.spool
                )
            except ClickHouseError as error:
                if error.code == 62 and statement.shape is Shape.SELECT:
                    self.registry.check_single(_as_text(text))  # the same error, for the text that the client sent
                raise

    def _finish(self, response: Response, outcome: Outcome) -> None:
        response.headers["Content-Type"] = "text/plain; charset=UTF-8"
        response.headers["X-ClickHouse-Summary"] = outcome.summary()
        response.send(b"")

    def _kill(self, kill: "re.Match[str]", request: QueryRequest, role: str) -> tuple[Statement, bytes]:
        """Stop the statement of that id; return a SELECT that answers as KILL QUERY does."""
        query_id = kill["id"].replace("\\'", "'").replace("\\\\", "\\")
        running = self.registry.find(query_id, request.user if role == ANALYST else None)
        mode = (kill["mode"] or "ASYNC").upper()
        if running is not None and mode != "TEST":
            self.registry.kill(running, wait=mode == "SYNC")
        sql = "SELECT {s:String} AS kill_status, {q:String} AS query_id, {u:String} AS user, {t:String} AS query"
        if running is None:
            sql += " WHERE 0"
        if kill["format"]:
            sql += f" FORMAT {kill['format']}"
        status = {"TEST": "", "SYNC": "finished"}.get(mode, "waiting")
        values = {
            "s": status,
            "q": query_id,
            "u": running.user if running else "",
            "t": running.text if running else "",
        }
        request.parameters.update({name: _escaped(value) for name, value in values.items()})
        return read_statement(sql.encode()), sql.encode()


def _statement(request: QueryRequest, http: HttpRequest, has_form: bool) -> tuple[bytes, Iterator[bytes]]:
    """Return the statement (with the beginning of its data, for an INSERT) and what follows it of the body.

    The statement is the URL's `query` and the body, with a line break between the two.
    """
    if has_form:
        return request.query, iter(())
    body = _decoded(request, http)
    text = request.query + b"\n" if request.query else b""
    if request.query and _is_complete_insert(request.query):
        return text, body
    for chunk in body:
        text += chunk
        if len(text) >= _STATEMENT_BYTES and read_statement(text).shape is Shape.INSERT:
            break
        if len(text) > _LARGEST_STATEMENT:
            raise ClickHouseError(62, "SYNTAX_ERROR", "Max query size exceeded: the statement is larger than 64 MiB")
    return text.rstrip(b"\n") if text == request.query + b"\n" else text, body


def _is_complete_insert(query: bytes) -> bool:
    return query.lstrip()[:6].upper() == b"INSERT" and read_statement(query + b"\n").shape is Shape.INSERT


def _data(text: bytes, statement: Statement, body: Iterator[bytes]) -> Iterator[bytes]:
    if len(text) > statement.data:
        yield text[statement.data :]
    yield from body


def _decoded(request: QueryRequest, http: HttpRequest) -> Iterator[bytes]:
    """Yield the body as it was before compression."""
    outer = decoder(request.content_encoding)
    inner = Unpacker() if request.blocked else None
    while data := http.read():
        data = outer.decompress(data) if outer else data
        data = inner.decompress(data) if inner else data
        if data:
            yield data
    last = outer.finish() if outer else b""
    last = inner.decompress(last) + inner.finish() if inner else last
    if last:
        yield last


def _as_text(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
