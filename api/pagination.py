"""Cursors: opaque texts that name the last item seen, so that a list stays right while data changes."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from schemas.codec import dumps, loads
from schemas.errors import Problem

MOST = 1000
Limit = Annotated[int, Query(ge=1, le=MOST, description="Most items in one answer.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the answer before.")]


def encode(*place: Any) -> str:
    """Return the cursor of a place."""
    return urlsafe_b64encode(dumps(place)).decode().rstrip("=")


def decode(cursor: str, *types: type) -> list[Any]:
    """Return the place that a cursor names, whose members have these types. Raises `Problem` (invalid-cursor)."""
    try:
        place = loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(place, list) and [type(member) for member in place] == list(types):
            return place
    except ValueError:
        pass
    raise not_a_cursor()


def not_a_cursor() -> Problem:
    """Return the refusal of a text that is no cursor of this list."""
    return Problem("invalid-cursor", "Pass `next` of the answer before as it is, or leave `cursor` out to start anew.")


def page(items: list[bytes], following: str | None) -> Response:
    """Return the list whose items are JSON texts already."""
    body = b'{"items":[' + b",".join(items) + b'],"next":' + dumps(following) + b"}"
    return Response(body, media_type="application/json")
