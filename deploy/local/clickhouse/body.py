"""Where a statement comes from: the URL, the body, or the one and then the other; and the data that follows it."""

from collections.abc import Iterator

from deploy.local.clickhouse.blocks import Unpacker
from deploy.local.clickhouse.connection import HttpRequest
from deploy.local.clickhouse.encodings import decoder
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.request import QueryRequest
from deploy.local.clickhouse.statement import Shape, Statement, read, read_cached

_HEAD_BYTES = 1 << 18  # an INSERT has its FORMAT within the server's max_query_size
_LARGEST_STATEMENT = 64 << 20
_CACHED_BYTES = 1 << 14


def take(request: QueryRequest, http: HttpRequest, is_form: bool) -> tuple[bytes, Statement, Iterator[bytes]]:
    """Return the statement's text, what it is, and the data after an INSERT.

    The statement is the URL's `query` followed by the body, with a line break between the two. Only as much of the
    body is read as is needed to know an INSERT.
    """
    if is_form:
        return request.query, _statement(request.query), iter(())
    body = _decoded(request, http)
    text = request.query
    if text and text.lstrip()[:6].upper() == b"INSERT":
        statement = read(text + b"\n")
        if statement.shape is Shape.INSERT:
            return text, statement, _chain(text[statement.data :], body)
    for chunk in body:
        text = b"%b\n%b" % (text, chunk) if text is request.query and text else text + chunk
        if len(text) >= _HEAD_BYTES and (statement := read(text)).shape is Shape.INSERT:
            return text[: statement.data], statement, _chain(text[statement.data :], body)
        if len(text) > _LARGEST_STATEMENT:
            raise ClickHouseError(62, "SYNTAX_ERROR", "Max query size exceeded: the statement is larger than 64 MiB")
    statement = _statement(text)
    if statement.shape is Shape.INSERT:
        return text[: statement.data], statement, _chain(text[statement.data :], iter(()))
    return text, statement, iter(())


def _statement(text: bytes) -> Statement:
    return read_cached(text) if len(text) <= _CACHED_BYTES else read(text)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


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
