"""What the collector answers: the fixed shapes that SDKs parse, as ready bytes.

An SDK drops its data on most 4xx and retries on 408, 429 and 5xx: so a 4xx says "this will never work", and whatever is
our own trouble is a 503.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from schemas.codec import dumps

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

RETRY_AFTER_S: Final = 2
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

    def headers(self) -> dict[str, str]:
        """Return the headers that go with it."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return headers if self.status != 401 else {**headers, "www-authenticate": 'Basic realm="write key"'}


def unavailable(error: Exception) -> Refused:
    """Return the answer to everybody while Kafka is away or too slow: the same again, a little later."""
    return Refused(503, "unavailable", f"{error}: nothing was kept, send it again.", retry_after=RETRY_AFTER_S)


def not_json(error: Exception) -> Refused:
    """Return the answer to a body that is not JSON."""
    return Refused(400, "invalid_json", f"The body is not JSON: {error}.")


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
    own = [(name.encode(), value.encode()) for name, value in refused.headers().items()]
    await answer(send, refused.status, refused.body(), [JSON, *own, *headers])
