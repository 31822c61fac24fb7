"""A receiver of webhooks that answers as it is told, and remembers what it was sent."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from standardwebhooks import Webhook

from schemas.codec import loads
from tests.parts.serving import serving


@dataclass
class Hook:
    """One request: its path, its headers in lower case, its body, and when it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """Return its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def data(self) -> Any:
        """Return the change that it tells."""
        return loads(self.body)["data"]

    def verified(self, secret: str) -> Any:
        """Return the body, checked by the reference library."""
        return Webhook(secret).verify(self.body, self.headers)


# What to do with a request: write the answer, or not.
Answering = Callable[[BaseHTTPRequestHandler, Hook], None]


def status(code: int, **headers: str) -> Answering:
    """Answer with this status."""

    def answer(handler: BaseHTTPRequestHandler, _: Hook) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


@dataclass
class Receiver:
    """Runs on loopback; `answers` maps a path to how it is answered, others with 200."""

    url: str = ""
    hooks: list[Hook] = field(default_factory=list)
    answers: dict[str, Answering] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, path: str) -> list[Hook]:
        """Return what came to a path."""
        with self.lock:
            return [hook for hook in self.hooks if hook.path == path]

    def wait(self, path: str, count: int, patience_s: float = 60.0) -> list[Hook]:
        """Return what came to a path once it is so much; fail the test when it does not come."""
        deadline = time.monotonic() + patience_s
        while len(found := self.at(path)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} came to {path}"
            time.sleep(0.02)
        return found


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run one on a free port."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            hook = Hook(self.path, headers, body, time.monotonic())
            with state.lock:
                state.hooks.append(hook)
            state.answers.get(self.path, status(200))(self, hook)

        def log_message(self, format: str, *args: object) -> None:
            return

    with serving(Handler) as state.url:
        yield state
