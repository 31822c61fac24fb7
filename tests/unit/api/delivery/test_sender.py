"""One try of a webhook against receivers of every bad kind, and to where no webhook goes."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from yarl import URL

from api.delivery.addresses import is_public, problem_of
from api.delivery.sender import Sender
from schemas.settings import Settings

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def tried(serve: Serve, *, times: int = 1, allow: bool = True, host: str = "127.0.0.1") -> list[str | None]:
    """Return what so many tries against `serve` say, one after the other."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = Sender(Settings(webhook_allow_private=allow, webhook_timeout_s=0.5))
    await sender.start()
    try:
        return [await sender.post(URL(f"http://{host}:{port}/x"), {}, b"{}") for _ in range(times)]
    finally:
        await sender.stop()
        server.close()


def answering(text: bytes, then: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(text)
            await writer.drain()
            if then is not None:
                await then(writer)

    return serve


async def for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def byte_by_byte(writer: asyncio.StreamWriter) -> None:
    for byte in b"TTP/1.1 200 OK\r\n" + b"x-more: 1\r\n" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def silence(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RECEIVERS: dict[str, tuple[Serve, str | None]] = {
    "fine": (answering(OK), None),
    "no content": (answering(b"HTTP/1.1 204 No Content\r\n\r\n"), None),
    "redirects": (
        answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        "302",
    ),
    "fails": (answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), "answered 500"),
    "hangs": (answering(b"", silence), "no answer within 0.5 s"),
    "byte by byte": (answering(b"H", byte_by_byte), "no answer within 0.5 s"),
    "megabytes": (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", for_ever), None),
    "a body that never comes": (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", silence), None),
    "no HTTP": (answering(b"hello\r\n\r\n"), "no HTTP"),
    "endless headers": (answering(b"HTTP/1.1 200 OK\r\nx: ", for_ever), "no HTTP"),
}


@pytest.mark.parametrize("name", RECEIVERS)
def test_a_receiver_of_any_kind_costs_little_and_says_what_was_wrong(name: str) -> None:
    serve, wanted = RECEIVERS[name]
    started = time.monotonic()
    for error in asyncio.run(tried(serve, times=2)):
        assert (error is None) if wanted is None else (error is not None and wanted in error), error
    assert time.monotonic() - started < 20


def test_nobody_there_is_an_error_too() -> None:
    async def nobody() -> str | None:
        sender = Sender(Settings(webhook_allow_private=True))
        await sender.start()
        try:
            return await sender.post(URL("http://127.0.0.1:1/"), {}, b"{}")
        finally:
            await sender.stop()

    assert "no connection" in (asyncio.run(nobody()) or "")


async def unasked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raise AssertionError("somebody connected")


@pytest.mark.parametrize("host", ["127.0.0.1", "rebinding.example"])
def test_nothing_connects_to_a_private_address_whatever_its_name(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def private(name: str, port: int, *more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", private)
    [error] = asyncio.run(tried(unasked, allow=False, host=host))
    assert error is not None
    assert "private address" in error


PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1"),
    *("2002:7f00:1::", "64:ff9b::a00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "::ffff:192.168.0.1"),
]


def test_which_addresses_are_public() -> None:
    assert [address for address in PRIVATE if is_public(address)] == []
    assert all(is_public(address) for address in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"))


def test_which_urls_may_be_registered() -> None:
    for url in (
        "https://hooks.example/x?y=1",
        "http://hooks.example:8080",
        "https://8.8.8.8/",
        "https://[2606:4700::1]/",
    ):
        assert problem_of(url, False) is None
    for address in PRIVATE:
        host = f"[{address.partition('%')[0]}]" if ":" in address else address
        assert problem_of(f"https://{host}/", False) is not None
        assert problem_of(f"https://{host}/", True) is None
    assert problem_of("https://x.example/" + "a" * 2000, False) is not None
