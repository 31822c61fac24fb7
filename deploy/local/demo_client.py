"""The API as the demo asks it. Every answer is the API's; every refusal a sentence."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx2

from schemas.errors import KithError
from schemas.settings import Settings


class Api:
    """A client of the API that connected settings name; a context manager. Every method raises `KithError`."""

    def __init__(self, settings: Settings) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{settings.api_port}"
        self.token = settings.api_tokens.split(",")[0].strip()
        self._client = httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60.0, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def rows(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """Return the rows of a statement, by `POST /v1/query`."""
        found: list[list[Any]] = self._ask("POST", "/v1/query", {"sql": sql, "parameters": parameters})["rows"]
        return found

    def define(self, segment: dict[str, Any]) -> None:
        """Make sure that a segment is defined so."""
        self._ask("PUT", f"/v1/segments/{segment['id']}", segment)

    def segments(self) -> list[dict[str, Any]]:
        """Return all segments with their sizes."""
        found: list[dict[str, Any]] = self._ask("GET", "/v1/segments?limit=1000")["items"]
        return found

    def profile(self, key: str) -> dict[str, Any]:
        """Return the profile of whoever has the identifier `type:value`."""
        return self._ask("GET", f"/v1/profiles/{quote(key, safe='')}")

    def explain(self, key: str) -> dict[str, Any]:
        """Return why that profile is what it is: links and refusals, each with its events."""
        return self._ask("GET", f"/v1/profiles/{quote(key, safe='')}/explain")

    def funnel(self, steps: Sequence[str], within: str, start: str, end: str) -> list[dict[str, Any]]:
        """Return how many people came how far through these events, from `start` to `end`."""
        query = urlencode({"steps": steps, "within": within, "from": start, "to": end}, doseq=True)
        found: list[dict[str, Any]] = self._ask("GET", f"/v1/analytics/funnel?{query}")["steps"]
        return found

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, json=body)
        except httpx2.TransportError as error:
            raise KithError(
                f"The API at {self.url} does not answer ({type(error).__name__}): see `kith status`."
            ) from error
        if response.status_code >= 400:
            raise KithError(f"The API refuses {method} {path}: {response.text[:500]}")
        found: dict[str, Any] = response.json()
        return found
