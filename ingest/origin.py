"""Where a request came from: the browser's address, believed from configured proxies only, and the CORS answer."""

from collections.abc import MutableMapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from ingest.answers import Headers

# RudderStack's browser SDK fails without `anonymousid`; the others need the rest.
ALLOWED_HEADERS: Final = b"authorization, content-type, x-retry-count, anonymousid, sentat"
PREFLIGHT_SECONDS: Final = 900


class Proxies:
    """The networks whose `X-Forwarded-For` is believed."""

    def __init__(self, networks: str) -> None:
        self._networks = [ip_network(text.strip(), strict=False) for text in networks.split(",") if text.strip()]

    def client(self, scope: MutableMapping[str, Any], forwarded: bytes | None) -> str | None:
        """Return the address of who sent the request: the last one in the chain that is no proxy of ours."""
        peer = scope.get("client")
        address: str | None = peer[0] if peer else None
        if address is None or forwarded is None or not self._trusted(address):
            return address
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            hop = hop.strip()
            try:
                ip_address(hop)
            except ValueError:
                return address
            address = hop
            if not self._trusted(hop):
                break
        return address

    def sent(self, scope: MutableMapping[str, Any]) -> bool:
        """Tell whether the request came through a proxy of ours."""
        peer = scope.get("client")
        return peer is not None and self._trusted(peer[0])

    def _trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def cors(origin: bytes | None) -> Headers:
    """Return the headers that let a page of `origin` read the answer; nothing for what is no browser.

    Credentials are allowed because `sendBeacon` always asks for them; the collector sets and reads no cookies.
    """
    if origin is None:
        return ()
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    )


def preflight(origin: bytes | None) -> Headers:
    """Return the answer to a preflight: every origin may ask, since a preflight carries no key to hold against a
    source."""
    return (
        *cors(origin or b"*"),
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", ALLOWED_HEADERS),
        (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
    )
