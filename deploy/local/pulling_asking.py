"""Asking over HTTP until there is an answer: paced, patient with what passes, clear about what does not."""

import asyncio
import random
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

import httpx2

from schemas.codec import JSONDecodeError, loads
from schemas.errors import KithError

_TIMEOUT_S: Final = 60.0
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0
# How long one request is tried before the pull ends; the next one goes on where it stopped.
PATIENCE_S = 300.0
_MOST_BYTES: Final = 64 * 1024 * 1024


class Asking:
    """A client that asks one host, at most `per_second` times a second; an async context manager."""

    def __init__(self, name: str, url: str, headers: Mapping[str, str], per_second: float | None = None) -> None:
        self._name = name
        self._apart_s = 0.0 if per_second is None else 1.0 / per_second
        self._next = 0.0
        self._client = httpx2.AsyncClient(base_url=url, headers=dict(headers), timeout=_TIMEOUT_S, trust_env=False)

    async def __aenter__(self) -> "Asking":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str, parameters: Mapping[str, str]) -> Any:
        """Return the JSON that is there. Raises `KithError` when there is none, or nobody answers for long."""
        return await self._ask("GET", path, dict(parameters), None, {})

    async def post(self, path: str, parameters: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> Any:
        """Return the JSON that answers `body`. Raises `KithError` as `get` does."""
        return await self._ask("POST", path, dict(parameters), body, headers)

    async def _ask(
        self, method: str, path: str, parameters: dict[str, str], body: bytes | None, headers: Mapping[str, str]
    ) -> Any:
        deadline = monotonic() + PATIENCE_S
        pause = FIRST_PAUSE_S
        while True:
            await self._pace()
            try:
                answer = await self._client.request(
                    method, path, params=parameters, content=body, headers=dict(headers)
                )
            except httpx2.TransportError as error:
                trouble, asked = f"does not answer ({type(error).__name__})", None
            else:
                if answer.status_code == 200:
                    return self._read(answer)
                trouble, asked = f"answers {answer.status_code}", answer.headers.get("retry-after")
                if answer.status_code not in _AGAIN:
                    raise KithError(f"{self._name} {trouble} to {method} {path}: {_said(answer)}")
            # Apart from each other, so that several do not come back at the same moment.
            wait = float(asked) if asked and asked.isdigit() else pause * random.uniform(0.5, 1.0)
            if monotonic() + wait > deadline:
                raise KithError(f"{self._name} {trouble}; run the same command again, it goes on where it stopped.")
            await asyncio.sleep(wait)
            pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _pace(self) -> None:
        now = monotonic()
        at = max(now, self._next)
        self._next = at + self._apart_s
        if at > now:
            await asyncio.sleep(at - now)

    def _read(self, answer: httpx2.Response) -> Any:
        if len(answer.content) > _MOST_BYTES:
            raise KithError(f"{self._name} answers more than {_MOST_BYTES} bytes at once.")
        try:
            return loads(answer.content)
        except JSONDecodeError as error:
            raise KithError(f"{self._name} answers something that is no JSON: is the address right?") from error


def _said(answer: httpx2.Response) -> str:
    try:
        document = answer.json()
        return str(document.get("message") or document.get("code") or "")[:200]
    except (ValueError, AttributeError):
        return answer.reason_phrase
