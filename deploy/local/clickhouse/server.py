"""The listening socket and one thread per connection, as ClickHouse itself has it.

A query's way has then no hand-over between event loop and threads; the engine works without Python's lock.
"""

import contextlib
import socket
import sys
import threading
import time
import traceback

import structlog

from deploy.local.clickhouse.connection import BadRequest, Connection
from deploy.local.clickhouse.errors import Disconnected
from deploy.local.clickhouse.handler import Handler

_log = structlog.get_logger(__name__)
_MOST_CONNECTIONS = 1024
_IDLE_SECONDS = 300.0
_GRACE_SECONDS = 5.0  # as the server: shutdown_wait_unfinished
_STOP_SECONDS = 1.5
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: Close\r\nContent-Length: 21\r\n\r\nToo many connections\n"
_BAD = b"HTTP/1.1 400 Bad Request\r\nConnection: Close\r\nContent-Type: text/plain\r\n\r\n"


class Server:
    """Serves until `stop`. `port` is the bound one."""

    def __init__(self, handler: Handler, listener: socket.socket) -> None:
        self._handler = handler
        self._listener = listener
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._idle: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        # Threads that wait for Python's lock should not wait the default 5 ms: a point read takes one.
        sys.setswitchinterval(0.0005)

    def serve(self) -> None:
        """Accept connections until `stop` is called."""
        watch = threading.Thread(target=self._handler.registry.watch, args=(self._stopping,), daemon=True)
        for thread in (watch, threading.Thread(target=self._expire, daemon=True)):
            thread.start()
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                break
            if len(self._threads) >= _MOST_CONNECTIONS:
                with contextlib.suppress(OSError):
                    sock.sendall(_BUSY)
                sock.close()
                continue
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            with self._lock:
                self._threads.add(thread)
            thread.start()

    def stop(self) -> None:
        """Take no more requests, let the running ones end within five seconds, stop the others, close everything."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._shut(self._idle)
        self._join(_GRACE_SECONDS)
        for running in self._handler.registry.everything():
            self._handler.registry.stop(running)
        self._join(_STOP_SECONDS)
        self._shut(self._open)  # of clients that neither send nor take
        self._join(_STOP_SECONDS)
        self._handler.close()

    def _shut(self, sockets: set[socket.socket]) -> None:
        with self._lock:
            for sock in sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _expire(self) -> None:
        while not self._stopping.wait(5.0):
            self._handler.sessions.expire()

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.add(sock)
        try:
            with sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._requests(sock)
        except (Disconnected, BadRequest, OSError):
            pass
        except Exception as error:  # noqa: BLE001 - a defect here must cost one connection only
            # Without the error's text, which may show a statement and what is in it.
            at = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
            _log.error("clickhouse.connection_failed", error=type(error).__name__, at=at)
        finally:
            with self._lock:
                self._open.discard(sock)
                self._threads.discard(threading.current_thread())

    def _requests(self, sock: socket.socket) -> None:
        connection = Connection(sock)
        while not self._stopping.is_set():
            sock.settimeout(_IDLE_SECONDS)
            with self._lock:
                self._idle.add(sock)
            try:
                request = connection.next_request()
            except BadRequest as error:
                body = f"{error}\n".encode()
                sock.sendall(
                    b"HTTP/1.1 400 Bad Request\r\nConnection: Close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                return
            finally:
                with self._lock:
                    self._idle.discard(sock)
            if request is None or not self._handler.handle(request, connection):
                return
