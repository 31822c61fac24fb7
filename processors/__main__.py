"""Run the worker: `python -m processors`."""

import asyncio
import sys

import uvloop

from processors.app import create_app
from schemas import logging
from schemas.errors import KithError
from schemas.serving import serve
from schemas.settings import Settings


def main() -> None:
    """Run until TERM or INT; then finish the batches under way."""
    settings = Settings()
    logging.configure(settings.worker_id, settings.log_level)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        app, owner = create_app(settings)
        health = serve(settings.worker_port, lambda: owner.ready, settings.host)
    except KithError as error:
        sys.exit(str(error))
    import faust

    worker = faust.Worker(app, loglevel="WARNING", quiet=True, console_port=0, blocking_timeout=60.0)
    try:
        worker.execute_from_commandline()
    finally:
        health.close()


if __name__ == "__main__":
    main()
