"""Topics on a real Kafka: created once, as they are specified, and refused under another partition count."""

import pytest
from kafka import KafkaProducer, OffsetAndMetadata
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.local.lag import Positions, measure
from deploy.local.topics import connect, ensure_topics, missing_topics, partition_counts, wanted
from schemas.errors import KithError
from schemas.settings import Settings


@pytest.fixture
def settings(kafka: str, topic_prefix: str) -> Settings:
    return Settings(kafka_bootstrap=kafka, topic_prefix=topic_prefix, partitions=3)


def test_created_once_with_the_configured_partitions(settings: Settings) -> None:
    assert missing_topics(settings) == sorted(wanted(settings))
    assert ensure_topics(settings) == sorted(wanted(settings))
    assert ensure_topics(settings) == []
    assert missing_topics(settings) == []
    with connect(settings) as admin:
        counts = partition_counts(admin, wanted(settings))
    assert counts[settings.topics.events["web"]] == 3
    assert counts[settings.topics.evidence] == 1


def test_settings_of_topics_are_as_specified(settings: Settings) -> None:
    ensure_topics(settings)
    names = [settings.topics.profiles, settings.topics.events["web"], settings.topics.inbox]
    with connect(settings) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    text = str(found)
    assert text.count("'compact'") >= 1
    assert "2592000000" in text
    assert "'8388608'" in text


def test_another_partition_count_is_refused(settings: Settings) -> None:
    ensure_topics(settings)
    other = settings.model_copy(update={"partitions": 5})
    with pytest.raises(KithError, match=r"has 3 partitions, but KITH_PARTITIONS is 5.*set KITH_PARTITIONS=3"):
        ensure_topics(other)
    with pytest.raises(KithError, match="KITH_PARTITIONS=3"):
        missing_topics(other)


def test_lag_counts_what_nobody_has_read(settings: Settings) -> None:
    ensure_topics(settings)
    topic = settings.topics.events["web"]
    with KafkaProducer(bootstrap_servers=[settings.bootstrap]) as producer:
        for number in range(5):
            producer.send(topic, b"x", partition=number % 2)
        producer.flush()
    rows = {(row["stage"], row["partition"]): row["behind"] for row in measure(settings) if row["topic"] == topic}
    assert rows == {(stage, at): count for stage in ("worker", "projector") for at, count in enumerate((3, 2, 0))}


def test_lag_is_gone_when_the_groups_have_committed(settings: Settings) -> None:
    ensure_topics(settings)
    topic = settings.topics.events["web"]
    with KafkaProducer(bootstrap_servers=[settings.bootstrap]) as producer:
        producer.send(topic, b"x", partition=0)
        producer.flush()
    with Positions(settings) as positions, connect(settings) as admin:
        ends = positions.ends()
        committed = {at: OffsetAndMetadata(end, "", -1) for at, end in ends.items()}
        for stage in ("worker", "projector"):
            admin.alter_group_offsets(f"{settings.topic_prefix}{stage}", committed)
        rows = positions.lag(ends)
    assert len(rows) > 20
    assert all(row["behind"] == 0 for row in rows)


def test_kafka_away_is_a_sentence(topic_prefix: str) -> None:
    with pytest.raises(KithError, match=r"Kafka does not answer at 127.0.0.1:1 .*kith up"):
        ensure_topics(Settings(kafka_bootstrap="127.0.0.1:1", topic_prefix=topic_prefix))
