"""The bytes of a request: read to the end, inflated, and never more of them than the source may send."""

import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import brotli

from ingest.answers import Refused
from ingest.budget import Budget

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_MAX_ENCODINGS: Final = 2


class Disconnected(Exception):
    """The sender went away before its request was complete: there is nobody to answer."""


async def read_body(receive: Receive, limit: int, budget: Budget) -> bytes:
    """Return the request's body; what has come of a long one is held against `budget`.

    Raises `Refused` above `limit` bytes, `Disconnected` when the sender goes away, `UnavailableError` when too much is
    held.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if message["type"] != "http.request":
            raise Disconnected
        if len(body) > limit:
            raise too_large(limit)
        return body
    parts, size = [body], len(body)
    budget.take(size)
    try:
        while message.get("more_body", False):
            if size > limit:
                raise too_large(limit)
            message = await receive()
            if message["type"] != "http.request":
                raise Disconnected
            part: bytes = message.get("body", b"")
            budget.take(len(part))
            size += len(part)
            parts.append(part)
        if size > limit:
            raise too_large(limit)
        return b"".join(parts)
    finally:
        budget.give(size)


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Return `body` without its `Content-Encoding`s (gzip, deflate, br), at most `limit` bytes.

    Raises `Refused` for an unknown encoding, for bytes that are not so encoded or stop short, and above the limit.
    Never makes more than `limit` bytes of a body, however much it would inflate to.
    """
    codings = [coding for part in encoding.lower().split(",") if (coding := part.strip()) not in ("", "identity")]
    if len(codings) > _MAX_ENCODINGS:
        raise Refused(400, "unsupported_encoding", f"Use at most {_MAX_ENCODINGS} content encodings.")
    for coding in reversed(codings):
        try:
            if coding in ("gzip", "x-gzip"):
                body = _unzip(body, limit, zlib.MAX_WBITS | 16)
            elif coding == "deflate":
                # The standard means zlib's format; many senders mean the bare stream.
                bare = not body or (body[0] & 0x0F) != 8 or int.from_bytes(body[:2], "big") % 31 != 0
                body = _unzip(body, limit, -zlib.MAX_WBITS if bare else zlib.MAX_WBITS)
            elif coding == "br":
                body = _unbrotli(body, limit)
            else:
                raise Refused(400, "unsupported_encoding", "Content-Encoding must be gzip, deflate or br.")
        except (zlib.error, brotli.error) as error:
            raise Refused(
                400, "invalid_encoding", f"The body is not {coding}, as Content-Encoding says it is."
            ) from error
    return body


def _unzip(body: bytes, limit: int, window_bits: int) -> bytes:
    inflated = b""
    while True:
        stream = zlib.decompressobj(window_bits)
        inflated += stream.decompress(body, limit - len(inflated) + 1)
        if len(inflated) > limit:
            raise too_large(limit)
        if not stream.eof:
            raise zlib.error("the stream stops short")
        # Several gzip members in a row are one body.
        body = stream.unused_data
        if not body or window_bits <= zlib.MAX_WBITS:
            return inflated


def _unbrotli(body: bytes, limit: int) -> bytes:
    stream = brotli.Decompressor()
    parts, size, pending = [], 0, body
    while not stream.is_finished():
        part = stream.process(pending, output_buffer_limit=max(1, limit - size + 1))
        size += len(part)
        if size > limit:
            raise too_large(limit)
        if not part and not stream.is_finished() and stream.can_accept_more_data():
            raise brotli.error("the stream stops short")
        parts.append(part)
        pending = b""
    return b"".join(parts)


def too_large(limit: int) -> Refused:
    """Return the refusal of a request with more than `limit` bytes."""
    return Refused(400, "request_too_large", f"The request has more than {limit} bytes: send smaller batches.")
