"""HTTP/1 on one socket: requests in, with bodies read only as fast as they are asked for."""

import socket
from collections import deque

import httptools

from deploy.local.clickhouse.errors import ClickHouseError, Disconnected

_RECEIVE_BYTES = 1 << 18
_HEAD_BYTES = 2 << 20  # the server takes URLs of 1 MiB; headers come on top
_DRAIN_BYTES = 64 << 20  # what is read and dropped of a body that nobody wants, to keep the connection


class BadRequest(Exception):
    """Bytes that are not HTTP."""


class HttpRequest:
    """One request: head complete, body still arriving. Header names are lower case."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.method = ""
        self.target = b""
        self.headers: dict[str, str] = {}
        self.version = "1.1"
        self.keep_alive = True
        self.head_complete = False
        self.complete = False
        self.chunks: deque[bytes] = deque()
        self._continue = False

    @property
    def path(self) -> str:
        """Return the path of the target, without its parameters."""
        return self.target.partition(b"?")[0].decode("ascii", "replace")

    @property
    def query_string(self) -> str:
        """Return the parameters of the target as they were sent."""
        return self.target.partition(b"?")[2].decode("utf-8", "surrogateescape")

    def read(self) -> bytes:
        """Return the next bytes of the body, empty at its end; raises Disconnected where it is cut off.

        Raises ClickHouseError where it is not HTTP.
        """
        while not self.chunks and not self.complete:
            if not self._continue and self.headers.get("expect", "").lower() == "100-continue":
                self._connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._continue = True
            try:
                self._connection.receive()
            except BadRequest as error:
                self.keep_alive = False
                raise ClickHouseError(36, "BAD_ARGUMENTS", f"Cannot read the request's body: {error}") from error
        return self.chunks.popleft() if self.chunks else b""

    def drain(self) -> bool:
        """Read and drop the rest of the body; False where that is too much, so the connection has to be closed."""
        if not self._continue and not self.complete and "expect" in self.headers:
            return False
        if not self.keep_alive:
            return False
        dropped = 0
        while chunk := self.read():
            dropped += len(chunk)
            if dropped > _DRAIN_BYTES:
                return False
        return True


class Connection:
    """A client's socket. `next_request` blocks until a head has arrived."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._parser = httptools.HttpRequestParser(self)
        self._requests: deque[HttpRequest] = deque()
        self._newest: HttpRequest | None = None
        self._head_bytes = 0

    def next_request(self) -> HttpRequest | None:
        """Return the next request, or None when the client has closed. Raises BadRequest."""
        while not self._requests:
            try:
                self.receive()
            except Disconnected:
                return None
        return self._requests.popleft()

    def receive(self) -> None:
        """Take in what the socket has; raises Disconnected at its end and BadRequest for what is not HTTP."""
        try:
            data = self.socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            raise Disconnected from error
        if not data:
            raise Disconnected
        waiting = self._newest is None or self._newest.complete or not self._newest.head_complete
        self._head_bytes = self._head_bytes + len(data) if waiting else 0
        if self._head_bytes > _HEAD_BYTES and self._newest is not None and not self._newest.head_complete:
            raise BadRequest("the head of the request is larger than 2 MiB")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise BadRequest(str(error)) from error

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._newest = HttpRequest(self)

    def on_url(self, url: bytes) -> None:
        """Take (a piece of) the target."""
        assert self._newest is not None
        self._newest.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        assert self._newest is not None
        self._newest.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Offer the request: its body may follow."""
        request = self._newest
        assert request is not None
        request.method = self._parser.get_method().decode()
        request.version = self._parser.get_http_version()
        request.keep_alive = self._parser.should_keep_alive()
        request.head_complete = True
        self._head_bytes = 0
        self._requests.append(request)

    def on_body(self, data: bytes) -> None:
        """Take bytes of the body."""
        assert self._newest is not None
        self._newest.chunks.append(data)

    def on_message_complete(self) -> None:
        """End the request."""
        assert self._newest is not None
        self._newest.complete = True
