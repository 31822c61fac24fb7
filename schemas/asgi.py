"""Running an HTTP application as a process: the same server, settings and exit codes for collector and api."""

import sys
from collections.abc import Callable
from typing import Any

import uvicorn

from schemas.errors import KithError
from schemas.serving import announce, bind


def run_application(create: Callable[[], Callable[..., Any]], host: str, port: int, grace_s: int) -> int:
    """Serve what `create` returns on `host:port` until SIGTERM or SIGINT, and return the exit code.

    Requests under way have `grace_s` seconds to end. An error that Kith expects is a sentence and exit code 2.
    """
    try:
        application = create()
        listener = bind(host, port)
    except KithError as error:
        print(error, file=sys.stderr)
        return 2
    announce(listener.getsockname()[1])
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=grace_s,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0
