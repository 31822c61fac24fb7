"""A collector's front door without anything behind it: takes batches, answers as it is told, remembers what it took."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from deploy.local.sending import Collector
from tests.parts.serving import serving


class Receiving:
    """`answers` are statuses given to the next requests, one each; then every request is taken (200)."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.requests: list[tuple[str, str, list[dict[str, Any]]]] = []
        self.lock = threading.Lock()
        self.url = ""

    @property
    def collector(self) -> Collector:
        return Collector(self.url, "wk_1")

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message for _, _, messages in self.requests for message in messages]


@contextmanager
def receiving() -> Iterator[Receiving]:
    """Run one on a free port of loopback."""
    state = Receiving()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            with state.lock:
                status = state.answers.pop(0) if state.answers else 200
                if status == 200:
                    state.requests.append((self.path, key, body["batch"]))
            answer = b'{"success":true}' if status == 200 else b'{"code":"no","message":"not like this"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if status == 503:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            return

    with serving(Handler) as state.url:
        yield state
