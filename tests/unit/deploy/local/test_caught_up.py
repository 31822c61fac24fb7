"""`kith wait` over a simulated pipeline: it never returns early, and names what lags when time is up."""

import random
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition

from deploy.local.caught_up import LONGEST_CHAIN, rounds
from deploy.local.lag import Ends, Lag

STAGES = LONGEST_CHAIN


class Pipeline:
    """A chain of topics: whoever reads a record of topic n, after a while, writes one to topic n + 1.

    Reading and writing happen at once, as in a Kafka transaction. Time passes only when something looks or sleeps.
    """

    def __init__(self, events: int, delays: Iterator[float], length: int) -> None:
        self.topics = [TopicPartition(f"t{number}", 0) for number in range(length)]
        self.ends: Ends = dict.fromkeys(self.topics, 0)
        self.done: Ends = dict.fromkeys(self.topics, 0)
        self.ends[self.topics[0]] = events
        self.clock = 0.0
        self._delays = delays
        self._due: dict[TopicPartition, float] = {}

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def look_ends(self) -> Ends:
        self._work()
        return dict(self.ends)

    def look_lag(self, ends: Ends) -> list[Lag]:
        self._work()
        return [
            {"stage": "worker", "topic": at.topic, "partition": 0, "behind": max(0, end - self.done[at])}
            for at, end in ends.items()
        ]

    def finished(self) -> bool:
        return self.ends == self.done

    def _work(self) -> None:
        """Let one step of the chain happen per look, when its time has come."""
        self.clock += 0.001
        for number, topic in enumerate(self.topics):
            if self.done[topic] == self.ends[topic]:
                continue
            due = self._due.setdefault(topic, self.clock + next(self._delays))
            if self.clock < due:
                continue
            del self._due[topic]
            self.done[topic] += 1
            if number + 1 < len(self.topics):
                self.ends[self.topics[number + 1]] += 1
            return


@given(st.integers(0, 20), st.integers(1, STAGES), st.integers(0, 10_000))
def test_nothing_is_on_its_way_when_it_returns(events: int, length: int, seed: int) -> None:
    generator = random.Random(seed)
    pipeline = Pipeline(events, iter(lambda: generator.choice((0.0, 0.0, 0.05, 1.0)), None), length)
    assert rounds(pipeline.look_ends, pipeline.look_lag, pipeline.now, pipeline.sleep, 1e9) == []
    assert pipeline.finished()


def test_caught_up_already_is_instant() -> None:
    pipeline = Pipeline(0, iter(()), 3)
    assert rounds(pipeline.look_ends, pipeline.look_lag, pipeline.now, pipeline.sleep, 0.0) == []
    assert pipeline.clock < 0.01


def test_time_up_names_what_lags() -> None:
    pipeline = Pipeline(4, iter(lambda: 100.0, None), 3)
    missing = rounds(pipeline.look_ends, pipeline.look_lag, pipeline.now, pipeline.sleep, 5.0)
    assert missing == [{"stage": "worker", "topic": "t0", "partition": 0, "behind": 4}]
    assert 5.0 <= pipeline.clock < 6.0


def test_a_topic_that_always_moves_does_not_hold_it_up() -> None:
    """New events keep coming: what was there at the beginning decides, not the newest end."""
    topic = TopicPartition("t", 0)
    moving: Ends = {topic: 0}

    def ends() -> Ends:
        moving[topic] += 10
        return dict(moving)

    def lag(snapshot: Ends) -> list[Lag]:
        return [{"stage": "worker", "topic": "t", "partition": 0, "behind": max(0, snapshot[topic] - moving[topic])}]

    assert rounds(ends, lag, lambda: 0.0, lambda _: None, 1.0) == []
    assert moving[topic] == 10 * LONGEST_CHAIN
