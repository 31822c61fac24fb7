"""What the collector answers: the fixed shapes that SDKs parse, as ready bytes.

An SDK drops its data on most 4xx and retries on 408, 429 and 5xx: so a 4xx says "this will never work", and whatever is
our own trouble is a 503.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from schemas.codec import dumps

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

SUCCESS: Final = b'{"success":true}'
JSON: Final = (b"content-type", b"application/json")


class Refused(Exception):
    """A request that gets `{"code", "message"}` with an HTTP status; `code` is stable.

    `retry_after` (seconds) is for 429 and 503: when to send the same again.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def body(self) -> bytes:
        """Return the JSON body."""
        return dumps({"code": self.code, "message": self.message})


async def answer(send: Send, status: int, body: bytes, headers: Headers = (JSON,)) -> None:
    """Send a whole response."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-length", b"%d" % len(body)), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, refused: Refused, headers: Headers = ()) -> None:
    """Send a refusal."""
    more: list[tuple[bytes, bytes]] = [JSON, *headers]
    if refused.retry_after is not None:
        more.append((b"retry-after", b"%d" % refused.retry_after))
    if refused.status == 401:
        more.append((b"www-authenticate", b'Basic realm="write key"'))
    await answer(send, refused.status, refused.body(), more)
