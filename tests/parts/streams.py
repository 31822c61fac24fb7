"""A reader of server-sent events."""

import http.client
import threading
from typing import Any

from schemas.codec import loads
from tests.parts.api import Api


class Stream(threading.Thread):
    """Reads server-sent events until it has as many as wanted."""

    def __init__(self, api: Api, query: str, wanted: int, last: str | None = None) -> None:
        super().__init__(daemon=True)
        self.events: list[tuple[str, Any]] = []
        self._connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=30)
        headers = {"Authorization": f"Bearer {api.token}", **({"Last-Event-ID": last} if last else {})}
        self._connection.request("GET", f"/v1/segments/changes{query}", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        self._wanted = wanted
        # Told at once, before the first change.
        assert self._answer.readline().startswith(b"retry:")
        self.start()

    def run(self) -> None:
        id_ = ""
        while len(self.events) < self._wanted:
            line = self._answer.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                id_ = line[4:]
            elif line.startswith("data: "):
                self.events.append((id_, loads(line[6:])))
        self._connection.close()

    def all(self) -> list[tuple[str, Any]]:
        self.join(timeout=30)
        assert len(self.events) == self._wanted
        return self.events
