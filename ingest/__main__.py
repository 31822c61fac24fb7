"""`python -m ingest`: run one collector process until it is told to stop."""

import gc
import sys

from ingest.app import create_app
from ingest.front import Front
from schemas.asgi import run_application
from schemas.logging import configure
from schemas.settings import Settings

# Requests are short-lived and acyclic: look for cycles rarely, and never among what the start has built.
_GC_THRESHOLDS = (50_000, 20, 50)


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    settings = Settings()
    configure("collector", settings.log_level)

    def create() -> Front:
        app = create_app(settings)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        return app

    return run_application(create, settings.host, settings.collector_port, grace_s=15)


if __name__ == "__main__":
    sys.exit(main())
