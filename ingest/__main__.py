"""`python -m ingest`: run one collector process until it is told to stop."""

import gc
import sys

import uvicorn

from ingest.app import create_app
from schemas.errors import KithError
from schemas.logging import configure
from schemas.serving import announce, bind
from schemas.settings import Settings

# Requests are short-lived and acyclic: look for cycles rarely, and never among what the start has built.
_GC_THRESHOLDS = (50_000, 20, 50)


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    settings = Settings()
    configure("collector", settings.log_level)
    try:
        app = create_app(settings)
        listener = bind(settings.host, settings.collector_port)
    except KithError as error:
        print(error, file=sys.stderr)
        return 2
    announce(listener.getsockname()[1])
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=15,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
