"""`python -m api`: run one API process until it is told to stop."""

import logging
import sys

from api.app import create_app
from schemas.asgi import run_application
from schemas.logging import configure
from schemas.settings import Settings


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    settings = Settings()
    configure("api", settings.log_level)
    # Its informational lines name every partition and connection.
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    return run_application(lambda: create_app(settings), settings.host, settings.api_port, grace_s=5)


if __name__ == "__main__":
    sys.exit(main())
