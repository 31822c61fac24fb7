"""Where the log begins and ends, and how far groups have come: what Kafka's admin interface says of partitions."""

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from projections.archive import Positions
from projections.record import Place
from schemas.errors import KithError
from schemas.settings import Settings

_ANSWER_S = 30.0


class NoAnswer(KithError):
    """Kafka does not answer, or not what was asked; later it may."""

    def __init__(self, error: object) -> None:
        super().__init__(f"Kafka does not answer ({error}): `kith status` and `kith logs kafka` say more.")


class Offsets:
    """The partitions of topics and their offsets. Every method raises `NoAnswer` when Kafka does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})

    def partitions(self, topics: Iterable[str]) -> list[Place]:
        """Return every partition of these topics, in order. Raises `KithError` for a topic that does not exist."""
        try:
            known = self._admin.list_topics(timeout=_ANSWER_S).topics
        except KafkaException as error:
            raise NoAnswer(error) from error
        wanted = set(topics)
        missing = sorted(wanted - known.keys())
        if missing:
            raise KithError(f"There is no topic {', '.join(missing)}: `kith topics` creates what is missing.")
        return [(topic, partition) for topic in sorted(wanted) for partition in sorted(known[topic].partitions)]

    def starts(self, places: Iterable[Place]) -> Positions:
        """Return the first offset that each partition still has."""
        return self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def ends(self, places: Iterable[Place]) -> Positions:
        """Return the offset after the last committed record of each partition."""
        return self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def committed(self, group: str) -> tuple[Positions, bool]:
        """Return how far a group has come, and whether it has a member that reads on."""
        try:
            members = self._admin.describe_consumer_groups([group])[group].result(_ANSWER_S).members
            found = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
            positions = {(at.topic, at.partition): at.offset for at in found.result(_ANSWER_S).topic_partitions}
            return positions, bool(members)
        except KafkaException as error:
            raise NoAnswer(error) from error

    def _offsets(self, places: Iterable[Place], spec: OffsetSpec) -> Positions:
        wanted = {TopicPartition(*place): spec for place in places}
        if not wanted:
            return {}
        try:
            futures = self._admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED)
            return {(at.topic, at.partition): future.result(_ANSWER_S).offset for at, future in futures.items()}
        except KafkaException as error:
            raise NoAnswer(error) from error
