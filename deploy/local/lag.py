"""What lags where: how far each consumer group is behind the end of each topic that it reads.

Readers commit their position past transaction markers, so an idle stack is behind by exactly 0.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypedDict, TypeVar

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from deploy.local.topics import connect, partition_counts
from projections.batch import projections
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.topics import Topics

Ends = dict[TopicPartition, int]
Answer = TypeVar("Answer")
LATEST, EARLIEST = OffsetSpec.LATEST, OffsetSpec.EARLIEST
# How long Kafka may say "not now" before a command says that it is away.
PATIENCE_S = 15.0


class Lag(TypedDict):
    """One row of `kith status --json`: `behind` is records (and transaction markers)."""

    stage: str
    topic: str
    partition: int
    behind: int


def readers(topics: Topics) -> dict[str, list[str]]:
    """Return which topics each stage reads to its end and commits, in the order of the data's path.

    Broadcast readers (definitions in a worker, whatever the api follows) commit nothing and are not listed.
    """
    return {
        "worker": [*topics.partition_inputs(), topics.evidence],
        "projector": list(projections(topics)),
    }


def group_of(settings: Settings, stage: str) -> str:
    """Return the consumer group of a stage: `kith.worker`."""
    return f"{settings.topic_prefix}{stage}"


def behind(
    ends: Mapping[TopicPartition, int], starts: Mapping[TopicPartition, int], done: Mapping[TopicPartition, int]
) -> Ends:
    """Return how far a reader is behind `ends`; one that committed nothing is at the log's start."""
    return {at: max(0, end - done.get(at, starts.get(at, 0))) for at, end in ends.items()}


class Positions:
    """Reads ends and committed positions through one admin connection; a context manager.

    Every method raises `KithError` when Kafka does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: KafkaAdminClient = connect(settings)
        self._readers = readers(settings.topics)

    def __enter__(self) -> "Positions":
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()

    def ends(self) -> Ends:
        """Return the end of every partition that somebody reads.

        The end is that of the log, not of what is committed: records of a transaction that is just ending count.
        """
        names = {name for topics in self._readers.values() for name in topics}
        counts = self._ask(lambda: partition_counts(self._admin, names))
        return self._offsets({TopicPartition(name, at) for name in names for at in range(counts.get(name, 0))}, LATEST)

    def lag(self, ends: Ends) -> list[Lag]:
        """Return how far each stage is behind `ends`, one row per stage, topic and partition."""
        return [row for stage, topics in self._readers.items() for row in self._stage_lag(stage, topics, ends)]

    def _stage_lag(self, stage: str, topics: list[str], ends: Ends) -> list[Lag]:
        done = self._committed(group_of(self._settings, stage))
        mine = {at: end for at, end in ends.items() if at.topic in topics}
        starts = self._offsets(mine.keys() - done.keys(), EARLIEST)
        missing = behind(mine, starts, done)
        return [
            {"stage": stage, "topic": at.topic, "partition": at.partition, "behind": missing[at]}
            for at in sorted(mine, key=lambda at: (topics.index(at.topic), at.partition))
        ]

    def _committed(self, group: str) -> Ends:
        found = self._ask(lambda: self._admin.list_group_offsets(group))[group]
        return {at: position.offset for at, position in found.items() if position.offset >= 0}

    def _offsets(self, partitions: set[TopicPartition], spec: OffsetSpec) -> Ends:
        if not partitions:
            return {}
        found = self._ask(lambda: self._admin.list_partition_offsets(dict.fromkeys(partitions, spec)))
        return {at: offset.offset for at, offset in found.items()}

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Return what Kafka answers; what it says will pass (a coordinator that just starts) is asked again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return question()
            except KafkaError as error:
                if not error.retriable or time.monotonic() >= deadline:
                    raise KithError(
                        f"Kafka does not answer ({error}): `kith status` and `kith logs kafka` say more."
                    ) from error
                time.sleep(0.1)


def measure(settings: Settings) -> list[Lag]:
    """Return how far each stage is behind now. Raises `KithError` when Kafka does not answer."""
    with Positions(settings) as positions:
        return positions.lag(positions.ends())
