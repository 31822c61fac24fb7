"""The body of a request to one of FastAPI's routes: read to the end in time, inflated, within the source's limit."""

from fastapi import Request

from ingest.answers import Refused
from ingest.body import Disconnected, inflate, read_body


async def body_of(request: Request, limit: int) -> bytes:
    """Return the request's body without its content encodings, at most `limit` bytes.

    Raises `Refused` above the limit, for a wrong encoding and for a body that stops coming, `UnavailableError` when too
    much is held.
    """
    state = request.app.state
    try:
        with state.patience.waiting():
            body = await read_body(request.receive, limit, state.budget)
    except (TimeoutError, Disconnected) as error:
        raise Refused(408, "body_timeout", "The body stopped coming: send it again.") from error
    encoding = request.headers.get("content-encoding")
    return body if encoding is None else inflate(body, encoding, limit)
