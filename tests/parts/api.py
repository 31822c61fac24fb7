"""An API process of one's own, and how to ask it."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.codec import dumps, loads
from schemas.settings import Settings

_STARTS_S = 60.0


@dataclass
class Answer:
    """What the API answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return loads(self.body)


@dataclass
class Api:
    """A running API."""

    url: str
    token: str

    def ask(self, method: str, path: str, document: Any = None, timeout_s: float = 60, **headers: str) -> Answer:
        """Ask, with the token unless `authorization` is given, and return the answer whatever its status is."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", headers.pop("authorization", f"Bearer {self.token}"))
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        data = None
        if document is not None:
            data = document if isinstance(document, bytes) else dumps(document)
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, timeout=timeout_s) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def get(self, path: str, **headers: str) -> Answer:
        """Ask with GET."""
        return self.ask("GET", path, None, 60, **headers)

    def post(self, path: str, document: Any, timeout_s: float = 60, **headers: str) -> Answer:
        """Ask with POST."""
        return self.ask("POST", path, document, timeout_s, **headers)

    def every(self, path: str, limit: int) -> list[Any]:
        """Return all items of a list, read page by page."""
        items: list[Any] = []
        cursor = ""
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}").json
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"


@contextmanager
def running_api(settings: Settings, folder: Path) -> Iterator[Api]:
    """Run `python -m api` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    port_file, log = folder / "api.port", folder / "api.log"
    environment = {
        **os.environ,
        "KITH_KAFKA_BOOTSTRAP": settings.bootstrap,
        "KITH_TOPIC_PREFIX": settings.topic_prefix,
        "KITH_CLICKHOUSE_URL": settings.clickhouse,
        "KITH_CLICKHOUSE_DATABASE": settings.clickhouse_database,
        "KITH_CLICKHOUSE_USER": settings.clickhouse_user,
        "KITH_CLICKHOUSE_PASSWORD": settings.clickhouse_password.get_secret_value(),
        "KITH_ANALYST_PASSWORD": settings.analyst_password.get_secret_value(),
        "KITH_API_TOKENS": settings.api_tokens,
        "KITH_API_PORT": "0",
        "KITH_COLLECTOR_URL": settings.collector,
        "KITH_REPLAY_KEY": settings.replay_key.get_secret_value(),
        "KITH_SOURCES": str(settings.sources or ""),
        "KITH_QUERY_MAX_SECONDS": str(settings.query_max_seconds),
        "KITH_QUERY_MAX_BYTES": str(settings.query_max_bytes),
        "KITH_QUERY_MAX_RESULT_BYTES": str(settings.query_max_result_bytes),
        "KITH_TIMEZONE": settings.timezone,
        "KITH_WEBHOOK_ALLOW_PRIVATE": str(settings.webhook_allow_private),
        "KITH_WEBHOOK_RETRIES": settings.webhook_retries,
        "KITH_WEBHOOK_TIMEOUT_S": str(settings.webhook_timeout_s),
        "KITH_DEFAULT_COUNTRY": settings.default_country or "",
        "KITH_PORT_FILE": str(port_file),
    }
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", "api"], env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _STARTS_S
        while not (port_file.exists() and _answers(int(port_file.read_text()))):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the API does not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Api(f"http://127.0.0.1:{int(port_file.read_text())}", settings.api_tokens.split(",")[0])
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
