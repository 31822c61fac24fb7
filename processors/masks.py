"""Reading the masks of all privacy requests, before a unit folds its first batch."""

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from processors.erasure.masks import Masks
from schemas.codec import loads
from schemas.settings import Settings

_BATCH = 5000
_PATIENCE_S = 0.1


def read_masks(settings: Settings) -> Masks:
    """Return what `privacy.requests` hides, up to its end.

    A unit learns of later requests by its inbox. Raises `KafkaException` when Kafka does not answer.
    """
    masks = Masks(settings.privacy_key.get_secret_value().encode())
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": f"{settings.topic_prefix}masks",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            "log_level": 3,
        }
    )
    try:
        partition = TopicPartition(settings.topics.privacy, 0)
        low, high = consumer.get_watermark_offsets(partition, timeout=15)
        if low == high:
            return masks
        partition.offset = low
        consumer.assign([partition])
        while True:
            for message in consumer.consume(_BATCH, timeout=_PATIENCE_S):
                error = message.error()
                if error is None:
                    value = message.value()
                    if value is not None:
                        masks.take(loads(value))
                elif error.code() == KafkaError._PARTITION_EOF:
                    return masks
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
