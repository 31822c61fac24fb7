"""Ports of a process: bound once, announced to whoever started it, answering `/healthz`, `/readyz` and `/metrics`.

Every process binds with `bind` (0 picks a free port, a busy one gets a sentence) and says which port it got with
`announce`, which the supervisor reads. Worker and projector are no HTTP applications and `serve` the three paths from a
daemon thread; collector and api are HTTP applications: `schemas/asgi.py`.
"""

import json
import os
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import KithError

# Names the file into which a process writes the port that it got; the supervisor sets it for its children.
PORT_FILE_VARIABLE = "KITH_PORT_FILE"

Ready = Callable[[], tuple[bool, str]]


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host:port`; port 0 picks a free one.

    Raises `KithError`, with a sentence that says what to do, when the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise KithError(
            f"Cannot listen on {host}:{port} ({error.strerror}). Stop what uses it (`ss -ltnp 'sport = :{port}'` "
            f"names it), or choose another port; 0 picks a free one."
        ) from error
    listener.set_inheritable(False)
    return listener


def announce(port: int) -> None:
    """Write `port` into the file that `KITH_PORT_FILE` names, in one step; without that variable do nothing."""
    name = os.environ.get(PORT_FILE_VARIABLE)
    if not name:
        return
    target = Path(name)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.write_text(f"{port}\n", encoding="ascii")
    draft.replace(target)


class Server:
    """A running health server; `port` is the one it got."""

    def __init__(self, http: ThreadingHTTPServer) -> None:
        self._http = http
        self.port: int = http.server_address[1]
        self._thread = threading.Thread(
            target=http.serve_forever, name="health", daemon=True, kwargs={"poll_interval": 0.5}
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def serve(port: int, ready: Ready, host: str = "127.0.0.1") -> Server:
    """Answer `/healthz`, `/readyz` and `/metrics` on `host:port` from a daemon thread, and announce the port.

    `ready` is called in that thread and says whether this process does its work now and, if not, what it waits for;
    `/readyz` answers 200 or 503 with `{"ready", "detail"}`. Raises `KithError` when the port is taken.
    """
    listener = bind(host, port)
    http = _HealthServer(listener, ready)
    announce(http.server_address[1])
    return Server(http)


class _HealthServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, ready: Ready) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()[:2]
        self.ready = ready


class _Handler(BaseHTTPRequestHandler):
    server: _HealthServer
    timeout = 10
    server_version = "kith"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/healthz":
            self._json(200, {"status": "ok"})
        elif path == "/readyz":
            ready, detail = self._ready()
            self._json(200 if ready else 503, {"ready": ready, "detail": detail})
        elif path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
        else:
            self._json(404, {"detail": "There is /healthz, /readyz and /metrics."})

    def _ready(self) -> tuple[bool, str]:
        try:
            return self.server.ready()
        except Exception as error:  # noqa: BLE001 - a failing check means "not ready", never a dead connection
            return False, f"the readiness check failed: {type(error).__name__}"

    def _json(self, status: int, body: dict[str, object]) -> None:
        self._answer(status, "application/json", json.dumps(body).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: health checks come every second."""
