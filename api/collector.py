"""The collector, as the API hands dead letters back to it."""

from typing import Any, Final

import aiohttp

from schemas.codec import JSONDecodeError, dumps, loads
from schemas.errors import Problem
from schemas.records import Replay
from schemas.settings import Settings

_CONNECT_S: Final = 3.0
# Kafka may take as long as the collector waits for it, and a little more.
_ANSWER_S: Final = 30.0
# Bytes of payloads in one request: well below what the collector reads.
MOST_BYTES: Final = 8 * 1024 * 1024
MOST_LETTERS: Final = 500


class Collector:
    """A pool of connections to the collector."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.collector}/v1/replays"
        self._key = settings.replay_key.get_secret_value()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool; it connects when it is first used."""
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S, sock_connect=_CONNECT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def stop(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def replay(self, letters: list[dict[str, Any]]) -> list[Replay]:
        """Return what became of each dead letter, in order, once Kafka has it.

        A letter has `id, source, at, payload, corrected`. Raises `Problem` (unavailable) when the collector takes none.
        """
        if self._session is None:
            raise RuntimeError("start() comes first")
        if not self._key:
            raise Problem("unavailable", "Replays are switched off: set KITH_REPLAY_KEY here and at the collector.")
        outcomes: list[Replay] = []
        for part in _parts(letters):
            outcomes += await self._post(self._session, part)
        return outcomes

    async def _post(self, session: aiohttp.ClientSession, letters: list[dict[str, Any]]) -> list[Replay]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            async with session.post(self._url, data=dumps({"letters": letters}), headers=headers) as response:
                answer = loads(await response.read())
                if response.status == 200:
                    found: list[Replay] = answer["outcomes"]
                    return found
                said = str(answer.get("message", ""))
        except (aiohttp.ClientError, TimeoutError, JSONDecodeError, OSError) as error:
            raise Problem("unavailable", "The collector does not answer; try again in a moment.") from error
        raise Problem("unavailable", f"The collector takes no dead letters now: {said}")


def _parts(letters: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the letters in parts that are small enough for one request."""
    parts: list[list[dict[str, Any]]] = []
    size = 0
    for letter in letters:
        # Four bytes are the longest character.
        length = 4 * len(letter["payload"])
        if not parts or len(parts[-1]) == MOST_LETTERS or size + length > MOST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(letter)
        size += length
    return parts
