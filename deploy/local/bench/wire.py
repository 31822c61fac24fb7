"""HTTP over kept connections with as little work as possible on this side: what is measured is the other side."""

import asyncio
import base64
from collections.abc import Iterator, Sequence

from schemas.errors import KithError


def post(path: str, body: bytes, write_key: str) -> bytes:
    """Return a whole POST request of JSON as an SDK sends it."""
    key = base64.b64encode(f"{write_key}:".encode()).decode()
    return request("POST", path, {"authorization": f"Basic {key}", "content-type": "application/json"}, body)


def request(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return a whole request."""
    lines = [f"{method} {target} HTTP/1.1", "host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Connect."""
        _, protocol = await asyncio.get_running_loop().create_connection(cls, host, port)
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, data: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Send a whole request; the future has the answer's status and body."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        whole = complete(self._buffer)
        if whole is not None and self._answer is not None and not self._answer.done():
            self._buffer = b""
            self._answer.set_result(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(KithError("The measured process has closed a connection: see its log."))

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


def complete(data: bytes) -> tuple[int, bytes] | None:
    """Return status and body of an answer with a length or in chunks, None while some of it is missing."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return None
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(lower[at + 17 :].partition(b"\r\n")[0])
        return (status, body) if len(body) >= length else None
    if b"\r\ntransfer-encoding: chunked" in lower:
        return (status, _joined(body)) if body.endswith(b"0\r\n\r\n") else None
    return status, body


def _joined(chunked: bytes) -> bytes:
    body = b""
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        body, chunked = body + rest[:length], rest[length + 2 :]
    return body


async def flood(host: str, port: int, requests: Sequence[bytes], connections: int) -> None:
    """Send all requests over that many connections, each as soon as the one before it on its connection is answered.

    Raises `KithError` for any answer but 200.
    """
    left = iter(requests)
    opened = [await Connection.open(host, port) for _ in range(connections)]
    try:
        await asyncio.gather(*(_drain(connection, left) for connection in opened))
    finally:
        for connection in opened:
            connection.close()


async def _drain(connection: Connection, left: Iterator[bytes]) -> None:
    for data in left:
        check(*await connection.ask(data))


def check(status: int, body: bytes) -> None:
    """Raise `KithError` unless the status is 200."""
    if status != 200:
        raise KithError(f"The measured process answers {status}: {body[:200].decode('utf-8', 'replace')}")
