"""Asking a process whether it is ready; every answer is (ready, what it waits for)."""

import asyncio
import json
import struct

from deploy.local.processes import Probe

# An ApiVersions request, version 0, without a client id: any Kafka answers it, and only once it serves requests.
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
TIMEOUT_S = 5.0


async def ask(probe: Probe, host: str, port: int) -> tuple[bool, str]:
    """Ask once, for at most five seconds; what cannot be reached is not ready."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                if probe is Probe.KAFKA:
                    return await _kafka(reader, writer)
                return await _http(reader, writer, probe.value)
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return False, "does not answer yet"
    except TimeoutError:
        return False, f"did not answer within {TIMEOUT_S:.0f} s"


async def _kafka(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bool, str]:
    writer.write(_API_VERSIONS)
    size, correlation, error = struct.unpack(">iih", await reader.readexactly(10))
    return (size > 0 and correlation == 1 and error == 0), f"error {error}" if error else ""


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[bool, str]:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status == [b"200"]:
        return True, ""
    return False, _detail(body) or f"answers {b''.join(status).decode('ascii', 'replace') or 'no HTTP'}"


def _detail(body: bytes) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    return str(document.get("detail") or "") if isinstance(document, dict) else ""
