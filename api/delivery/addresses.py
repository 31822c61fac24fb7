"""Where webhooks may go: never to private, loopback or otherwise special addresses, unless the operator allows it.

A name is looked up for each new connection, and the connection goes to the very address that was checked: a name that
answers one address to the check and another to the connection gains nothing.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

# A name server that does not answer holds a thread for seconds; these are not shared with anybody else.
_THREADS = 64
MAX_URL = 2_000
_SCHEMES = ("http", "https")


class Forbidden(OSError):
    """An address that no webhook goes to."""


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public internet; what an IPv6 address carries within counts too."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = _carried(found)
        if inner is not None:
            return _is_global(inner)
    return _is_global(found)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to: mapped, 6to4, Teredo or NAT64."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address.packed[:12] == bytes.fromhex("0064ff9b0000000000000000"):
        return IPv4Address(address.packed[12:])
    return None


def literal(host: str) -> str | None:
    """Return the address that a host is, None if it is a name."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return None


def problem_of(url: str, allow_private: bool) -> str | None:
    """Return what is wrong with a receiver's URL, as far as it can be told without asking anybody; None: nothing."""
    if len(url) > MAX_URL:
        return f"the URL has more than {MAX_URL:,} characters"
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        return "the URL has spaces or control characters: encode them"
    try:
        parsed = URL(url)
        host, port = parsed.host, parsed.port
    except ValueError:
        return "this is no URL: write https://host/path"
    if parsed.scheme not in _SCHEMES or not host:
        return "write an absolute URL: https://host/path"
    if parsed.user is not None or parsed.password is not None:
        return "a URL with a user or a password is not kept: the signature tells who sends"
    if port is None or not 0 < port < 65536:
        return "the port is none"
    address = literal(host)
    local = host == "localhost" or host.endswith(".localhost")
    if not allow_private and (local or (address is not None and not is_public(address))):
        return forbidden(host)
    return None


def forbidden(host: str) -> str:
    """Return why nothing is sent to a host."""
    return f"{host} is a private address: no webhook goes there unless KITH_WEBHOOK_ALLOW_PRIVATE=true"


class CheckedResolver(AbstractResolver):
    """Looks names up and answers those of their addresses that webhooks may go to."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._threads = ThreadPoolExecutor(_THREADS, "webhook-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the allowed addresses of a name. Raises `Forbidden` when it has others only, `OSError` without any."""
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        found = [(each[0], each[2], str(each[4][0])) for each in infos]
        allowed = [each for each in found if self._allow_private or is_public(each[2])]
        if found and not allowed:
            raise Forbidden(forbidden(host))
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=family_, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for family_, proto, address in allowed
        ]

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
