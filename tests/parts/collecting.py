"""A collector in this process that answers on a real port and keeps what it takes in memory instead of in Kafka."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from ingest.app import create_app
from schemas.serving import bind
from schemas.settings import Settings
from tests.unit.ingest.memory import MemoryLog


@contextmanager
def collecting(**settings: Any) -> Iterator[tuple[str, MemoryLog]]:
    """Run one on a free port of loopback; gives its address and its log."""
    log = MemoryLog()
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(create_app(Settings(**settings), log), log_config=None, access_log=False, ws="none")
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", log
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
