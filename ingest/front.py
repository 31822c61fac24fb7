"""The outermost ASGI layer: tracking paths go straight to `Tracking`, everything else to the FastAPI application.

It also answers preflights and lets browsers read every answer, errors included.
"""

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp

from ingest.answers import Send, answer
from ingest.body import Receive
from ingest.imports.upload import is_file
from ingest.origin import cors, preflight
from ingest.routes.tracking import PATHS, Scope, Tracking


class Front:
    """The collector as uvicorn runs it."""

    def __init__(self, tracking: Tracking, app: ASGIApp) -> None:
        self._tracking = tracking
        self._app = app
        # SDK hosts are pasted with and without a slash at the end; a redirect would lose the event.
        self._paths = frozenset(PATHS) | frozenset(f"{path}/" for path in PATHS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await answer(send, 204, b"", preflight(_origin(scope)))
        elif scope["path"] in self._paths and not _brings_file(scope):
            await self._tracking(scope, receive, send)
        elif (origin := _origin(scope)) is None:
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _with_cors(send, origin))


def _brings_file(scope: Scope) -> bool:
    """Tell whether the request is an import of a file, which FastAPI's route reads."""
    if not scope["path"].startswith("/v1/import"):
        return False
    content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return is_file(content_type.decode("latin-1"), scope["query_string"].decode("latin-1"))


def _origin(scope: Scope) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == b"origin"), None)


def _with_cors(send: Send, origin: bytes) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *cors(origin)]}
        await send(message)

    return sending
