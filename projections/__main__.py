"""`python -m projections`: the projector, from the log into ClickHouse."""

import logging
import signal
import sys
from collections.abc import Callable
from threading import Event
from typing import TypeVar

import structlog
from clickhouse_connect.driver.exceptions import Error
from kafka.errors import KafkaError

from projections import batch, sink
from projections.clickhouse import open_database
from projections.consumer import Consumer
from projections.dead_letters import DeadLetters
from projections.garbage import rarely_collected
from projections.lost import Lost
from projections.masking import Masking, Requests
from projections.owners import Owners
from projections.placement import Placement
from projections.projector import Projector
from schemas.errors import KithError
from schemas.logging import configure
from schemas.serving import serve
from schemas.settings import Settings

log = structlog.get_logger("projections")

T = TypeVar("T")


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit status: 0 when asked to stop, 1 when going on would do harm."""
    settings = Settings()
    configure(settings.projector_id, settings.log_level)
    # Their lines name every partition, connection and retry; what matters of it is logged here.
    logging.getLogger("kafka").setLevel(logging.WARNING)
    logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    stop = Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    waiting = "waiting for ClickHouse and Kafka"
    projector: Projector | None = None
    try:
        server = serve(
            settings.projector_port, lambda: projector.ready() if projector else (False, waiting), settings.host
        )
        client = _patiently(stop, lambda: open_database(settings))
        known = batch.projections(settings.topics)
        requests = _patiently(stop, lambda: Requests(settings))
        if client is None or requests is None:
            return 0
        consumer = Consumer(settings, known)
        masking = Masking(requests, settings.topics)
        lost = Lost(settings, client)
        dead_letters = DeadLetters(settings)
        owners = Owners(client, Placement.of(settings))
        projector = Projector(
            settings, known, consumer, client, dead_letters, stop, masking.seen_now, lost.report, owners.refresh
        )
        log.info("started", port=server.port)
        with rarely_collected():
            projector.run()
        consumer.close()
        dead_letters.close()
        lost.close()
    except KithError as error:
        log.error("stopped", error=str(error))
        return 1
    log.info("stopped")
    return 0


def _patiently(stop: Event, open_: Callable[[], T]) -> T | None:
    """Return what `open_` answers, as soon as what it needs is there; None when asked to stop."""
    for delay in sink.delays():
        try:
            return open_()
        except (Error, KafkaError, OSError) as error:
            log.warning("waiting", error=f"{type(error).__name__}: {error}", retry_s=delay)
        if stop.wait(delay):
            break
    return None


if __name__ == "__main__":
    sys.exit(main())
