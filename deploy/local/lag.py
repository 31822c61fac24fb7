"""What lags where: how far each consumer group is behind the end of each topic that it reads.

Readers commit their position past transaction markers, so an idle stack is behind by exactly 0.
"""

from collections.abc import Mapping
from typing import TypedDict

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError

from deploy.local.topics import connect, partition_counts
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.topics import Topics

Ends = dict[TopicPartition, int]


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
        "projector": [
            *topics.events.values(),
            topics.rejected,
            topics.assignments,
            topics.decisions,
            topics.profiles,
            topics.orders,
            topics.definitions,
            topics.changes,
        ],
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
        names = sorted({name for topics in self._readers.values() for name in topics})
        try:
            counts = partition_counts(self._admin, names)
            wanted = {TopicPartition(name, number) for name, count in counts.items() for number in range(count)}
            return self._offsets(wanted, OffsetSpec.LATEST)
        except KafkaError as error:
            raise KithError(f"Kafka does not answer: {error}") from error

    def lag(self, ends: Ends) -> list[Lag]:
        """Return how far each stage is behind `ends`, one row per stage, topic and partition."""
        try:
            committed = {
                stage: self._admin.list_group_offsets(group_of(self._settings, stage)) for stage in self._readers
            }
            done = {
                stage: {
                    at: found.offset
                    for at, found in groups[group_of(self._settings, stage)].items()
                    if found.offset >= 0
                }
                for stage, groups in committed.items()
            }
            unread = {
                at
                for stage, topics in self._readers.items()
                for at in ends
                if at.topic in topics and at not in done[stage]
            }
            starts = self._offsets(unread, OffsetSpec.EARLIEST) if unread else {}
        except KafkaError as error:
            raise KithError(f"Kafka does not answer: {error}") from error
        rows: list[Lag] = []
        for stage, topics in self._readers.items():
            for topic in topics:
                mine = {at: end for at, end in ends.items() if at.topic == topic}
                for at, missing in sorted(behind(mine, starts, done[stage]).items()):
                    rows.append({"stage": stage, "topic": topic, "partition": at.partition, "behind": missing})
        return rows

    def _offsets(self, partitions: set[TopicPartition], spec: OffsetSpec) -> Ends:
        found = self._admin.list_partition_offsets(dict.fromkeys(partitions, spec))
        return {at: offset.offset for at, offset in found.items()}


def measure(settings: Settings) -> list[Lag]:
    """Return how far each stage is behind now. Raises `KithError` when Kafka does not answer."""
    with Positions(settings) as positions:
        return positions.lag(positions.ends())
