"""`python -m api`: run one API process until it is told to stop."""

import logging
import sys

import uvicorn

from api.app import create_app
from schemas.errors import KithError
from schemas.logging import configure
from schemas.serving import announce, bind
from schemas.settings import Settings


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    settings = Settings()
    configure("api", settings.log_level)
    # Its informational lines name every partition and connection.
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    try:
        app = create_app(settings)
        listener = bind(settings.host, settings.api_port)
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
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
