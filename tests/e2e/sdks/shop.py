"""A shop's page for a real browser: the stock SDKs from npm, served by another origin than the collector's."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_PAGE = b"<!doctype html><html lang=en><title>Home</title><h1>Shop</h1>"


class _Shop(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running_shop(packages: Path) -> Iterator[str]:
    """The shop's origin; the npm packages are under it by their names."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Shop, directory=str(packages)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
