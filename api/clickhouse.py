"""ClickHouse as the API asks it: one HTTP request a query, with parameters, on a connection that is kept.

The driver's client makes Python values of what only has to be passed on; at one small row a query that is most of the
time, so this speaks the HTTP interface as it is (measured: docs/decisions/0003).
"""

from collections.abc import Mapping
from typing import Any

import aiohttp

from projections.placement import Placement
from schemas.codec import JSONDecodeError, loads
from schemas.errors import Problem
from schemas.settings import Settings

ANALYST = "analyst"
_CONNECT_S = 3.0
_PATIENCE_S = 60.0
_MAX_CONNECTIONS = 64


class ClickHouseError(Exception):
    """ClickHouse refused a query: its code and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class ClickHouse:
    """A pool of connections as one user. Answers are bytes or JSON."""

    def __init__(self, settings: Settings, user: str | None = None) -> None:
        analyst = user == ANALYST
        password = settings.analyst_password if analyst else settings.clickhouse_password
        self._url = settings.clickhouse
        self.placement = Placement.of(settings)
        # An analyst's limits are the server's: what is set for the shards would be refused.
        self._always = {"database": settings.clickhouse_database, **({} if analyst else self.placement.session)}
        self._headers = {
            "X-ClickHouse-User": user or settings.clickhouse_user,
            "X-ClickHouse-Key": password.get_secret_value(),
        }
        # An analyst's statement ends at its own limit, and says so.
        self._patience = _PATIENCE_S + (settings.query_max_seconds if analyst else 0)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool; it connects when it is first used."""
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS, keepalive_timeout=60.0),
            timeout=aiohttp.ClientTimeout(total=self._patience, sock_connect=_CONNECT_S),
            auto_decompress=True,
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
        )

    async def stop(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the answer to `sql`, which names its format; parameters are those of `{name:Type}`.

        Raises `ClickHouseError` when the query is refused or fails, `Problem` (unavailable) when nobody answers.
        """
        if self._session is None:
            raise RuntimeError("start() comes first")
        params = {**self._always, **(settings or {})}
        for name, value in (parameters or {}).items():
            params[f"param_{name}"] = parameter_text(value)
        try:
            async with self._session.post(self._url, params=params, data=sql.encode()) as response:
                body = await response.read()
                code = response.headers.get("X-ClickHouse-Exception-Code")
                if response.status != 200 or code:
                    raise ClickHouseError(int(code or 0), body.decode(errors="replace").strip())
                return body
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Problem("unavailable", "ClickHouse does not answer; try again in a moment.") from error

    async def rows(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[list[Any]]:
        """Return the rows that `sql`, which names no format, selects, as JSON values."""
        body = await self.fetch(f"{sql} FORMAT JSONCompactEachRow", parameters, settings)
        try:
            return [loads(line) for line in body.splitlines()]
        except JSONDecodeError as error:
            # What fails after the first bytes stands in the body, behind the rows.
            raise ClickHouseError(0, body[-1000:].decode(errors="replace")) from error


def parameter_text(value: Any) -> str:
    """Return a parameter's value as ClickHouse reads it: text escaped as in TSV, lists in brackets."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_quoted(item) for item in value) + "]"
    return escaped(str(value))


def _quoted(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return parameter_text(value)
    if isinstance(value, list | tuple):
        return parameter_text(value)
    return "'" + escaped(str(value)).replace("'", "\\'") + "'"


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})


def escaped(text: str) -> str:
    """Return text as a tab-separated file has it."""
    return text.translate(_ESCAPES)
