"""The answer to one request: held back until it must go out, so that an error can still choose its status.

Small answers go out whole, with Content-Length. Larger ones are chunked; an error that comes after their first bytes is
written as ClickHouse 25.11 and later do it: a block that names the response's own tag, and no end of the chunks, so
that no client takes the body for complete.
"""

import os
import socket
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

import orjson

from deploy.local.clickhouse import blocks
from deploy.local.clickhouse.encodings import Encoder, chosen, encoder
from deploy.local.clickhouse.errors import ClickHouseError, Disconnected

# What browsers may see of a response.
EXPOSED = (
    "X-ClickHouse-Query-Id,X-ClickHouse-Summary,X-ClickHouse-Server-Display-Name,X-ClickHouse-Format,"
    "X-ClickHouse-Timezone,X-ClickHouse-Exception-Code,X-ClickHouse-Exception-Tag"
)
_KEEP_ALIVE_SECONDS = 300
_ONE_LINE = dict.fromkeys(range(32), " ")  # a query id or a format's name may hold anything
_LETTERS = bytes(97 + value % 26 for value in range(256))


class Response:
    """One response on a socket. Use `send`, or `write`… and `end`, or `fail`; each of them raises Disconnected."""

    def __init__(self, sock: socket.socket, *, keep_alive: bool, version: str, head_only: bool = False) -> None:
        self._socket = sock
        self._chunked = version == "1.1"
        self._head_only = head_only
        self.keep_alive = keep_alive
        self.status = 200
        self.headers: dict[str, str] = {}
        self.started = False  # the status line is on its way
        self.head_sent = False  # so are all headers
        self.complete = False
        self.tag = ""
        self._blocks = False
        self._encoder: Encoder | None = None

    def compress(self, *, native_blocks: bool, accepted: str, level: int) -> None:
        """Choose the compression of the body: ClickHouse's blocks inside, a content encoding outside."""
        self._blocks = native_blocks
        method = chosen(accepted) if accepted else None
        if method is not None:
            self._encoder = encoder(method, level)
            self.headers["Content-Encoding"] = method

    def begin_tag(self) -> None:
        """Name the tag that would mark an error inside the body."""
        self.tag = os.urandom(16).translate(_LETTERS).decode()
        self.headers["X-ClickHouse-Exception-Tag"] = self.tag

    def send(self, body: bytes) -> None:
        """Send a whole body."""
        if self.started:
            self.write(body)
            self.end()
            return
        body = self._packed(body, last=True)
        self.headers["Content-Length"] = str(len(body))
        self._transmit(self._head() + (b"" if self._head_only else body))
        self.started = self.head_sent = self.complete = True

    def write(self, data: bytes) -> None:
        """Send a piece of a body whose length is not known."""
        self._send_head()
        self._send_piece(self._packed(data, last=False))

    def end(self) -> None:
        """End a body sent by `write`."""
        self._send_head()
        self._send_piece(self._packed(b"", last=True))
        if self._chunked and not self._head_only:
            self._transmit(b"0\r\n\r\n")
        self.complete = True

    def progress(self, figures: dict[str, str]) -> None:
        """Send a progress header; the status is 200 from now on."""
        if self.head_sent or self._head_only:
            return
        line = b"X-ClickHouse-Progress: " + orjson.dumps(figures) + b"\r\n"
        if not self.started:
            line = self._status_line() + line
            self.started = True
        self._transmit(line)

    def fail(self, error: ClickHouseError, version: str) -> None:
        """Tell the error: by its status where nothing was sent, else by a header, else inside the body."""
        text = error.line(version)
        if not self.head_sent:
            self.headers["X-ClickHouse-Exception-Code"] = str(error.code)
            self.headers["Content-Type"] = "text/plain; charset=UTF-8"
            self.status = error.status
            if error.status == 401:
                self.headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
            self._blocks = False
            self.send(text + b"\n")
            return
        tag = self.tag.encode()
        marked = b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (tag, text, len(text) + 1, tag)
        self._send_piece(self._packed(marked, last=True))
        self.keep_alive = False
        self.complete = True

    def _packed(self, data: bytes, *, last: bool) -> bytes:
        if self._blocks and data:
            data = blocks.pack(data)
        if self._encoder is not None:
            data = self._encoder.compress(data) if data else b""
            if last:
                data += self._encoder.flush()
        return data

    def _send_piece(self, data: bytes) -> None:
        if data and not self._head_only:
            self._transmit(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def _send_head(self) -> None:
        if self.head_sent:
            return
        if self._chunked:
            self.headers["Transfer-Encoding"] = "chunked"
        else:
            self.keep_alive = False
        head = self._head()
        self.started = self.head_sent = True
        self._transmit(head)

    def _status_line(self) -> bytes:
        phrase = HTTPStatus(self.status).phrase
        return f"HTTP/1.1 {self.status} {phrase}\r\n".encode()

    def _head(self) -> bytes:
        lines = [
            f"Date: {_date(int(time.time()))}",
            f"Connection: {'Keep-Alive' if self.keep_alive else 'Close'}",
            *(f"{name}: {value.translate(_ONE_LINE)}" for name, value in self.headers.items()),
        ]
        if self.keep_alive:
            lines.append(f"Keep-Alive: timeout={_KEEP_ALIVE_SECONDS}")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        return head if self.started else self._status_line() + head

    def _transmit(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Disconnected from error


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
