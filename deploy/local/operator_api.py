"""The API as an operator's commands ask it: HTTP with the stack's token, and every refusal a sentence."""

from types import TracebackType
from typing import Any, Self

import httpx2

from schemas.errors import KithError
from schemas.settings import Settings

_PATIENCE_S = 60.0


class Refused(KithError):
    """The API said no: `status` is HTTP's, the message is the problem's detail."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class OperatorApi:
    """A client of the API that connected settings name; a context manager."""

    def __init__(self, settings: Settings, transport: httpx2.BaseTransport | None = None) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{settings.api_port}"
        token = settings.api_tokens.split(",")[0].strip()
        if not token:
            raise KithError("No API token is known: start the stack with `kith up`, or set KITH_API_TOKENS.")
        self._client = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_PATIENCE_S,
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON of an answer. Raises `Refused`, or `KithError` where nobody answers."""
        return self._ask("GET", path, parameters, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a document and return the JSON of the answer. Raises as `get` does."""
        return self._ask("POST", path, {}, body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Replace a document and return the JSON of the answer. Raises as `get` does."""
        return self._ask("PUT", path, {}, body)

    def delete(self, path: str) -> None:
        """Delete what is at a path. Raises as `get` does."""
        self._ask("DELETE", path, {}, None)

    def every(self, path: str) -> list[Any]:
        """Return all items of a list. Raises as `get` does."""
        items: list[Any] = []
        following: str | None = None
        while True:
            page = self.get(path, limit="1000", **({"cursor": following} if following else {}))
            items += page["items"]
            following = page["next"]
            if following is None:
                return items

    def _ask(self, method: str, path: str, parameters: dict[str, str], body: dict[str, Any] | None) -> Any:
        try:
            response = self._client.request(method, path, params=parameters, json=body)
        except httpx2.TransportError as error:
            raise KithError(
                f"The API at {self.url} does not answer ({type(error).__name__}): see `kith status`."
            ) from error
        if response.status_code >= 400:
            raise Refused(response.status_code, _detail(response))
        return response.json() if response.content else None


def _detail(response: httpx2.Response) -> str:
    try:
        document = response.json()
        return str(document["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The API answered {response.status_code}: {response.text[:200]}"
