"""Run the worker: `python -m processors`."""

import asyncio
import gc
import signal
import sys

import uvloop

from processors.allocator import share_arenas, trim_for_ever
from processors.app import create_app
from schemas import logging
from schemas.errors import KithError
from schemas.serving import serve
from schemas.settings import Settings


async def run(settings: Settings) -> None:
    """Work until TERM or INT, then finish the batches under way. Raises what makes the process unfit to go on."""
    app, owner = create_app(settings)
    health = serve(settings.worker_port, lambda: owner.ready, settings.host)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        app.finalize()
        await app.start()
        following = asyncio.create_task(owner.definitions.run())
        trimming = asyncio.create_task(trim_for_ever())
        ended = asyncio.create_task(stopping.wait())
        crashed = asyncio.create_task(app.wait_until_stopped())
        await asyncio.wait([following, ended, crashed], return_when=asyncio.FIRST_COMPLETED)
        trimming.cancel()
        await owner.stop()
        for task in (following, crashed):
            if task.done():
                task.result()
                raise app.crash_reason or KithError("Faust has stopped the worker; see the lines before.")
            task.cancel()
        await app.stop()
    finally:
        health.close()


def main() -> None:
    """Run the worker process."""
    settings = Settings()
    # What folds allocate are trees of JSON values, freed by their reference counts: looking for cycles among them as
    # often as Python does by default took a quarter of the fold's time.
    share_arenas()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    logging.configure(settings.worker_id, settings.log_level)
    try:
        uvloop.run(run(settings))
    except KithError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
