"""The worker process: a Faust app whose consumer feeds units.

If you are here to read the code, start with `partition.fold`: what a batch means. Then `unit`: in which order its
effects happen; `owner`: which units this process has; and this module last: how Faust is told.
"""

import logging
from typing import Any, cast

import faust
from faust.types import TP

from processors.owner import Owner
from processors.transport import Consumer, NoTables, Transport
from schemas.settings import Settings

# How long the group waits for a member that is gone before others take over; a restarted one is back at once (its name
# is fixed).
SESSION_TIMEOUT_S = 6.0

# Behind, a unit folds as many records at once as have been fetched for it. Twice as much of both takes a third of the
# transactions away, and with them a fifth of Kafka's and a sixth of ClickHouse's work; more takes memory only.
MOST_READ = 4_000
FETCHED_OF_A_PARTITION = 1 << 20


def create_app(settings: Settings) -> tuple[faust.App, Owner]:
    """Return the app and the owner of its units."""
    app = faust.App(
        f"{settings.topic_prefix}worker",
        broker=f"kafka://{settings.bootstrap.replace(',', ';')}",
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=30.0,
        broker_request_timeout=40.0,
        broker_max_poll_interval=300.0,
        broker_max_poll_records=MOST_READ,
        consumer_max_fetch_size=FETCHED_OF_A_PARTITION,
        consumer_group_instance_id=settings.worker_id,
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        TableManager=NoTables,
        datadir=str(settings.store_dir / "faust"),
        loghandlers=[],
        logging_config={"version": 1, "disable_existing_loggers": False},
    )

    def consumer() -> Consumer:
        return cast(Consumer, app.consumer)

    # Faust makes its folder, but not the folders above it.
    settings.store_dir.mkdir(parents=True, exist_ok=True)
    owner = Owner(settings, consumer)
    app.transport = Transport(app.conf.broker_consumer, app)
    Consumer.readers = owner
    inputs = [*settings.topics.partition_inputs(), settings.topics.evidence]
    for name in inputs:
        app.topics.add(app.topic(name, value_serializer="raw", key_serializer="raw", acks=False))

    @app.on_partitions_assigned.connect(weak=False)
    async def assigned(app: Any, assigned: set[TP], **kwargs: Any) -> None:
        await owner.assigned(assigned)

    @app.on_partitions_revoked.connect(weak=False)
    async def revoked(app: Any, revoked: set[TP], **kwargs: Any) -> None:
        await owner.revoked(revoked)

    logging.getLogger("faust").setLevel(logging.WARNING)
    return app, owner
