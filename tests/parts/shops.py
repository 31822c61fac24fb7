"""A shop that is asked over REST: WooCommerce's and Magento's paths, pages and filters, and their bad days."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BASIC = "Basic " + b64encode(b"ck_1:cs_1").decode()
TOKEN = "Bearer token-1"


class Shop:
    """`orders`, `customers` and `creditmemos` are what it holds; `answers` are statuses of the next requests."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.customers: list[dict[str, Any]] = []
        self.creditmemos: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.asked: list[str] = []
        self.url = ""

    def woocommerce(self, path: str, query: dict[str, str]) -> Any:
        """Return a page as WooCommerce does."""
        found = list(self.customers if path.endswith("customers") else self.orders)
        if query["orderby"] == "modified":
            after = query.get("modified_after", "")
            found = [item for item in found if item["date_modified_gmt"] > after]
            found.sort(key=lambda item: str(item["date_modified_gmt"]))
        else:
            found.sort(key=lambda item: int(item["id"]))
        start = (int(query["page"]) - 1) * int(query["per_page"])
        return found[start : start + int(query["per_page"])]

    def magento(self, path: str, query: dict[str, str]) -> Any:
        """Return a page as Magento does: beyond the last page, the last one again."""
        kind = {"orders": self.orders, "creditmemos": self.creditmemos, "search": self.customers}
        found = list(kind[path.rsplit("/", 1)[1]])
        value = query.get("searchCriteria[filter_groups][0][filters][0][value]", "")
        found = [item for item in found if item["updated_at"] >= value]
        found.sort(key=lambda item: str(item["updated_at"]))
        size = int(query["searchCriteria[pageSize]"])
        last = max(1, -(-len(found) // size))
        page = min(int(query["searchCriteria[currentPage]"]), last)
        return {"items": found[(page - 1) * size : page * size] or None, "total_count": len(found)}


@contextmanager
def shop() -> Iterator[Shop]:
    """Run one on a free port of loopback."""
    state = Shop()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            with lock:
                state.asked.append(self.path)
                status = state.answers.pop(0) if state.answers else 200
            if status == 0:
                self.close_connection = True
                return
            wanted = BASIC if "/wc/v3/" in parts.path else TOKEN
            body: Any = {"code": "broken", "message": "a bad day"}
            if self.headers["authorization"] != wanted:
                status, body = 401, {"message": "who are you?"}
            elif status == 200:
                body = (state.woocommerce if wanted == BASIC else state.magento)(parts.path, query)
            self._answer(status, json.dumps(body).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status == 429:
                self.send_header("retry-after", "0")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
