"""Receivers of webhooks for benches: many in one process, which note when each change came."""

import asyncio
import re
import time

_CHANGE = re.compile(rb'"change_id":"([^"]+)"')
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Receivers:
    """Answers on one port; `came` is, by path, when (`time.monotonic`) each change came first.

    Paths that begin with `/hang` are never answered.
    """

    def __init__(self) -> None:
        self.came: dict[str, dict[str, float]] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Receiving(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()

    def take(self, path: str, body: bytes) -> bool:
        """Note a request; return whether to answer it."""
        if path.startswith("/hang"):
            return False
        if found := _CHANGE.search(body):
            self.came.setdefault(path, {}).setdefault(found[1].decode(), time.monotonic())
        return True


class _Receiving(asyncio.Protocol):
    """One connection."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        assert self._transport is not None
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            if self._receivers.take(head.split(b" ", 2)[1].decode(), body):
                self._transport.write(_OK)
