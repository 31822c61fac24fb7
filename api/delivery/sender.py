"""One try of a webhook: an HTTP POST within limits of time and size, which says what went wrong in a sentence."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from ssl import SSLError

import aiohttp
from yarl import URL

from api.delivery.addresses import CheckedResolver, Forbidden, forbidden, is_public, literal
from schemas.settings import Settings

# An answer's body says nothing to us; this much is read so that the connection can be used again.
_BODY_BYTES = 16 << 10
_BODY_S = 1.0
_NAMES_S = 10
_KEEPALIVE_S = 15.0


class Sender:
    """Posts to receivers over connections that are kept. Follows no redirect, sends no cookie, uses no proxy."""

    def __init__(self, settings: Settings) -> None:
        self._allow_private = settings.webhook_allow_private
        self._timeout_s = settings.webhook_timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool; it connects when it is first used."""
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(self._allow_private),
            limit=0,
            ttl_dns_cache=_NAMES_S,
            keepalive_timeout=_KEEPALIVE_S,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            auto_decompress=False,
            read_bufsize=_BODY_BYTES,
            skip_auto_headers=("Accept-Encoding", "Accept", "User-Agent"),
            headers={"User-Agent": "Kith-Webhooks/1"},
            trust_env=False,
        )

    async def stop(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> str | None:
        """Post `body`; return None when the receiver answers 2xx in time, otherwise what went wrong."""
        if self._session is None:
            raise RuntimeError("start() comes first")
        address = literal(url.host or "")
        if address is not None and not self._allow_private and not is_public(address):
            return forbidden(address)
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                status = response.status
                with suppress(TimeoutError, aiohttp.ClientError):
                    await self._drain(response)
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except aiohttp.ClientConnectorError as error:
            return _not_connected(error.os_error)
        except aiohttp.ClientConnectionError:
            return "the connection was closed before the answer"
        except aiohttp.ClientError as error:
            return f"the answer is no HTTP ({type(error).__name__})"
        except Forbidden as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"not sent ({type(error).__name__})"
        if 200 <= status < 300:
            return None
        if 300 <= status < 400:
            return f"answered {status}: redirects are not followed, register the address that it leads to"
        return f"answered {status}"

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        """Read a short body to its end; from any other one hang up."""
        read = 0
        async with asyncio.timeout(_BODY_S):
            while piece := await response.content.readany():
                read += len(piece)
                if read > _BODY_BYTES:
                    break
        if not response.content.at_eof():
            response.close()


def _not_connected(error: OSError) -> str:
    if isinstance(error, Forbidden):
        return str(error)
    if isinstance(error, SSLError):
        return f"no secure connection: {error.reason}"
    return f"no connection ({error.strerror or type(error).__name__})"
