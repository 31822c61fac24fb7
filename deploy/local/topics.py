"""Topics: created when they are missing, refused when they have another partition count than is configured.

What a topic is stands in `schemas.topics.SPECS`; the count is fixed when it is created, because a key's partition, and
with it the worker's state, depends on it.
"""

import socket
from collections.abc import Iterable, Mapping
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from schemas.errors import KithError
from schemas.settings import Settings
from schemas.topics import SPECS, TopicSpec

# A profile or a state record of a very active person may exceed Kafka's default of 1 MB.
MAX_MESSAGE_BYTES = 8 << 20
# Compaction leaves a topic's newest segment alone: small ones keep a restore from the log short.
COMPACT_SEGMENT_BYTES = 64 << 20
_REQUEST_TIMEOUT_MS = 20_000
_CONNECT_TIMEOUT_MS = 5_000


def configuration(spec: TopicSpec) -> dict[str, str]:
    """Return the broker's settings of a topic; everything is kept unless the spec says otherwise."""
    common = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
    if spec.cleanup == "compact":
        return {**common, "cleanup.policy": "compact", "segment.bytes": str(COMPACT_SEGMENT_BYTES)}
    retention = -1 if spec.retention_ms is None else spec.retention_ms
    return {**common, "cleanup.policy": "delete", "retention.ms": str(retention), "retention.bytes": "-1"}


def wanted(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return every topic's full name with its partitions, replicas and settings."""
    return {
        f"{settings.topic_prefix}{spec.name}": {
            "num_partitions": spec.partitions or settings.partitions,
            "replication_factor": settings.replication,
            "configs": configuration(spec),
        }
        for spec in SPECS
    }


def check_partitions(existing: Mapping[str, int], settings: Settings) -> None:
    """Raise `KithError` when a topic that exists has another partition count than it should."""
    for name, want in wanted(settings).items():
        have = existing.get(name)
        if have is None or have == want["num_partitions"]:
            continue
        if want["num_partitions"] != settings.partitions:
            right = want["num_partitions"]
            raise KithError(f"Topic {name} has {have} partitions and must have {right}: set another KITH_TOPIC_PREFIX.")
        raise KithError(
            f"Topic {name} has {have} partitions, but KITH_PARTITIONS is {settings.partitions}. "
            f"The count is fixed once the topics exist: set KITH_PARTITIONS={have}, or start afresh with another "
            f"KITH_DATA_DIR (with an external Kafka: another KITH_TOPIC_PREFIX)."
        )


def partition_counts(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, int]:
    """Return the partition count of those of the named topics that exist."""
    described = admin.describe_topics(list(names))
    return {topic["name"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}


def connect(settings: Settings) -> KafkaAdminClient:
    """Return an admin client. Raises `KithError` when Kafka does not answer."""
    servers = settings.bootstrap.split(",")
    try:
        # A closed port is told at once; the client itself would try again until its time-out.
        if not any(_is_open(server.strip()) for server in servers):
            raise OSError("nobody listens there")
        return KafkaAdminClient(
            bootstrap_servers=servers,
            client_id="kith",
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            bootstrap_timeout_ms=_CONNECT_TIMEOUT_MS,
        )
    except (KafkaError, OSError) as error:
        raise KithError(
            f"Kafka does not answer at {settings.bootstrap} ({error}): start the stack with `kith up`, "
            "or correct KITH_KAFKA_BOOTSTRAP."
        ) from error


def _is_open(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_TIMEOUT_MS / 1000).close()
    except (OSError, ValueError):
        return False
    return True


def missing_topics(settings: Settings) -> list[str]:
    """Return the names of topics that do not exist. Raises `KithError` when one that does is not as it should be."""
    want = wanted(settings)
    with connect(settings) as admin:
        existing = partition_counts(admin, want)
    check_partitions(existing, settings)
    return sorted(want.keys() - existing.keys())


def ensure_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing and return their names. Raises `KithError` when one is not as it should be."""
    want = wanted(settings)
    with connect(settings) as admin:
        existing = partition_counts(admin, want)
        check_partitions(existing, settings)
        missing = {name: options for name, options in want.items() if name not in existing}
        if missing:
            try:
                admin.create_topics(missing, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                # Somebody else creates them at this moment: what counts is that they are right.
                check_partitions(partition_counts(admin, want), settings)
            except KafkaError as error:
                raise KithError(f"Kafka refuses to create the topics: {error}") from error
        return sorted(missing)
