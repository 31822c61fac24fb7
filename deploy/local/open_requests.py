"""How many privacy requests have not gone all the way yet."""

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.codec import loads
from schemas.errors import KithError
from schemas.settings import Settings


def open_requests(settings: Settings) -> int:
    """Return how many requests that the log holds are not finished. Raises `KithError` when Kafka does not answer."""
    place = TopicPartition(settings.topics.privacy, 0)
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
    except KafkaError as error:
        raise KithError(f"Kafka does not answer ({error}): `kith status` and `kith logs kafka` say more.") from error
    waiting: set[str] = set()
    try:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end = consumer.end_offsets([place])[place]
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    step = loads(record.value)
                    if step["kind"] == "finished":
                        waiting.discard(step["request_id"])
                    else:
                        waiting.add(step["request_id"])
    except KafkaError as error:
        raise KithError(f"Kafka does not answer ({error}): `kith status` and `kith logs kafka` say more.") from error
    finally:
        consumer.close(autocommit=False)
    return len(waiting)
