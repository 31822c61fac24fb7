"""The paths beside `/?query=`: health, metrics, and what a server answers to a browser that lost its way."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.pool import LanePool
from deploy.local.clickhouse.response import Response
from schemas.metrics import gauge

_NO_HANDLE = """There is no handle {path}

Use / or /ping for health checks.
Or /replicas_status for more sophisticated health checks.

Send queries from your program with POST method or GET /?query=...

Use clickhouse-client:

For interactive data analysis:
    clickhouse-client

For batch query processing:
    clickhouse-client --query='SELECT 1' > result
    clickhouse-client < query > result
"""


class Pages:
    """Answers everything that is not a statement."""

    def __init__(self, pool: LanePool, running: Callable[[], int], version: str) -> None:
        self._pool = pool
        self._running = running
        self._version = version
        self._pages: dict[str, Callable[[Response], None]] = {
            "/": _ok,
            "/ping": _ok,
            "/replicas_status": _ok,
            "/healthz": lambda response: _json(response, b'{"status":"ok"}'),
            "/readyz": self._ready,
            "/metrics": self._metrics,
        }

    def answer(self, method: str, path: str, response: Response) -> None:
        """Answer a request that carries no statement."""
        if method == "OPTIONS":
            response.status = 204
            response.send(b"")
        elif page := self._pages.get(path):
            if method not in ("GET", "HEAD"):
                response.status = 405
                response.headers["Allow"] = "GET, HEAD, OPTIONS"
                _text(response, f"{path} takes GET and HEAD, not {method}\n")
            else:
                page(response)
        else:
            response.status = 404
            _text(response, _NO_HANDLE.format(path=path))

    def _ready(self, response: Response) -> None:
        try:
            with self._pool.borrow("default", "owner", False, {}, "default") as lane:
                lane.effect("SELECT 1")
        except ClickHouseError as error:
            response.fail(error, self._version)
            return
        _json(response, b'{"ready":true,"detail":"the engine answers"}')

    def _metrics(self, response: Response) -> None:
        gauge("kith_clickhouse_running").set(self._running())
        response.headers["Content-Type"] = CONTENT_TYPE_LATEST
        response.send(generate_latest())


def _ok(response: Response) -> None:
    _text(response, "Ok.\n")


def _text(response: Response, text: str) -> None:
    response.headers["Content-Type"] = "text/html; charset=UTF-8"
    response.send(text.encode())


def _json(response: Response, body: bytes) -> None:
    response.headers["Content-Type"] = "application/json"
    response.send(body)
