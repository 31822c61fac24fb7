"""The group's member over a librdkafka that is told what to answer."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from projections.consumer import Consumer, Reassigned
from projections.offsets import NoAnswer
from schemas.errors import KithError
from schemas.settings import Settings

PLACE = ("t", 0)


class Message:
    """A record, or with `code` what librdkafka says of the partition. As long as its value, as confluent-kafka's."""

    def __init__(
        self, offset: int, code: int | None = None, *, fatal: bool = False, value: bytes | None = b"x"
    ) -> None:
        self._offset = offset
        self._value = value
        self._error = None if code is None else KafkaError(code, "told", fatal)

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return PLACE[0]

    def partition(self) -> int:
        return PLACE[1]

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 1000

    def key(self) -> None:
        return None

    def value(self) -> bytes | None:
        return self._value

    def __len__(self) -> int:
        return len(self._value or b"")


class Librdkafka:
    """Gives the messages of `next`, and keeps what is assigned and committed."""

    def __init__(self) -> None:
        self.next: list[Message] = []
        self.assigned: list[list[tuple[str, int, int]]] = []
        self.commits: list[dict[tuple[str, int], int]] = []
        self.failing = False

    def poll(self, seconds: float) -> Message | None:
        return self.next.pop(0) if self.next else None

    def consume(self, most: int, seconds: float) -> list[Message]:
        found, self.next = self.next[:most], self.next[most:]
        return found

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned.append([(each.topic, each.partition, each.offset) for each in partitions])

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(each.topic, each.partition, 4) for each in partitions]

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        if self.failing:
            raise KafkaException(KafkaError(KafkaError._NO_OFFSET))
        self.commits.append({(each.topic, each.partition): each.offset for each in offsets})


class Broker:
    """Where the log begins and ends."""

    def __init__(self, start: int = 0, end: int = 100) -> None:
        self.start, self.end = start, end

    def partitions(self, topics: Any) -> list[tuple[str, int]]:
        return [PLACE, ("t", 1)]

    def starts(self, places: Any) -> dict[tuple[str, int], int]:
        return dict.fromkeys(places, self.start)

    def ends(self, places: Any) -> dict[tuple[str, int], int]:
        return dict.fromkeys(places, self.end)


def member(broker: Broker | None = None) -> tuple[Consumer, Librdkafka]:
    """Return a member of the group that was just given its partition."""
    consumer = Consumer(Settings(kafka_bootstrap="127.0.0.1:1"), ["t"])
    consumer._consumer.close()
    library = Librdkafka()
    consumer._consumer = library  # type: ignore[assignment]
    consumer._offsets = broker or Broker()  # type: ignore[assignment]
    consumer._on_assign(library, [TopicPartition(*PLACE)])
    return consumer, library


def reading(broker: Broker | None = None, held: int = 0) -> tuple[Consumer, Librdkafka]:
    consumer, library = member(broker)
    consumer.seek({PLACE: held})
    return consumer, library


def test_nothing_is_read_until_it_is_known_where_from() -> None:
    consumer, library = member()
    before = consumer.must_seek
    assert consumer.poll(0, 10) == []
    assert library.assigned == [[]]
    consumer.seek({PLACE: 7})
    assert (before, consumer.must_seek) == (True, False)
    consumer.poll(0, 10)
    assert library.assigned[-1] == [("t", 0, 7)]


@pytest.mark.parametrize(("start", "held", "expected"), [(0, 0, 4), (0, 7, 7), (9, 7, 9)])
def test_reading_starts_at_the_greatest_of_what_is_held_committed_and_there(
    start: int, held: int, expected: int
) -> None:
    consumer, _ = reading(Broker(start), held)
    assert consumer.positions() == {PLACE: expected}


def test_a_log_that_is_shorter_than_what_is_held_is_another_one() -> None:
    with pytest.raises(KithError, match="another log"):
        reading(Broker(end=6), held=7)


def test_kafka_that_does_not_say_what_is_committed_is_asked_again() -> None:
    consumer, library = member()

    def away(*_: Any, **__: Any) -> Any:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    library.committed = away  # type: ignore[method-assign]
    with pytest.raises(NoAnswer):
        consumer.seek({})
    assert consumer.must_seek


@pytest.mark.parametrize("together", [True, False])
def test_the_position_is_past_the_markers_at_the_end(together: bool) -> None:
    consumer, library = reading()
    library.next = [Message(4), Message(5)]
    end = Message(7, KafkaError._PARTITION_EOF)
    if together:
        library.next.append(end)
    assert [record.offset for record in consumer.poll(0, 10)] == [4, 5]
    if not together:
        library.next = [end]
        assert consumer.gather(0, 10) == []
    assert consumer.positions() == {PLACE: 7}


def test_who_stays_reads_nothing_and_goes_on_where_it_stood() -> None:
    consumer, library = reading()
    library.next = [Message(4)]
    consumer.poll(0, 10)
    library.next = [Message(5)]
    consumer.stay(0)
    assert library.assigned[-1] == []
    assert consumer.positions() == {PLACE: 5}
    library.next = [Message(5)]
    assert [record.offset for record in consumer.poll(0, 10)] == [5]
    assert library.assigned[-1] == [("t", 0, 5)]


def test_a_record_without_a_value_is_one_too_also_alone() -> None:
    consumer, library = reading()
    for read in (consumer.poll, consumer.gather):
        library.next = [Message(4, value=None)]
        assert [(record.offset, record.value) for record in read(0, 10)] == [(4, None)]


def test_who_stays_hears_of_a_fatal_error_although_it_has_no_value() -> None:
    consumer, library = reading()
    library.next = [Message(0, KafkaError.FENCED_INSTANCE_ID, fatal=True, value=None)]
    with pytest.raises(KithError, match="for good"):
        consumer.stay(0)


def test_what_came_before_partitions_went_is_not_given_out() -> None:
    consumer, library = reading()
    calls = []
    consumer.let_go = lambda: calls.append(dict(consumer.positions()))
    library.next = [Message(4)]
    consumer._on_revoke(library, [TopicPartition(*PLACE)])
    # Let go while the partitions are still this member's.
    assert calls == [{PLACE: 4}]
    with pytest.raises(Reassigned):
        consumer.poll(0, 10)
    assert consumer.positions() == {}
    assert not consumer.assigned


def test_only_what_changed_is_committed_and_what_failed_again() -> None:
    consumer, library = reading()
    consumer.commit({PLACE: 5})
    consumer.commit({PLACE: 5})
    assert library.commits == [{PLACE: 5}]
    consumer._on_commit(KafkaError(KafkaError.REBALANCE_IN_PROGRESS), [TopicPartition(*PLACE, 5)])
    consumer.commit({PLACE: 5})
    assert library.commits == [{PLACE: 5}] * 2
    library.failing = True
    consumer.commit({PLACE: 6})
    library.failing = False
    consumer.commit({PLACE: 6})
    assert library.commits[-1] == {PLACE: 6}


def test_whoever_has_all_partitions_of_a_topic_is_alone() -> None:
    consumer, _ = reading()
    assert not consumer.reads_all(["t"])
    assert consumer.reads_all(["other"])
    consumer.assigned.add(("t", 1))
    assert consumer.reads_all(["t"])


def test_a_passing_error_is_no_end_and_a_fatal_one_is() -> None:
    consumer, library = reading()
    library.next = [Message(0, KafkaError._TRANSPORT), Message(4)]
    assert [record.offset for record in consumer.poll(0, 10)] == [4]
    library.next = [Message(0, KafkaError.FENCED_INSTANCE_ID, fatal=True)]
    with pytest.raises(KithError, match="for good"):
        consumer.poll(0, 10)
