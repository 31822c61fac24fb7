"""Reads `segments.changes` beside a bench and notes when each change came."""

import threading
import time

from confluent_kafka import Consumer, TopicPartition

from schemas.codec import loads
from schemas.settings import Settings
from schemas.times import to_millis

_POLL_S = 0.05


class ChangeReader:
    """Reads what is published from now on, committed records only, in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "group.id": f"{settings.topic_prefix}bench",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
            }
        )
        topic = settings.topics.changes
        partitions = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        # Positions are fixed here, so that nothing that is published after this call is missed.
        places = [TopicPartition(topic, partition) for partition in partitions]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(places)
        self._first: dict[str, float] = {}
        # How late each change came that time alone has made, in milliseconds by this machine's clock.
        self.lateness: list[float] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="changes", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(500, _POLL_S):
                value = message.value()
                if message.error() is None and value:
                    change = loads(value)
                    because = change["because"]
                    if because["kind"] == "event":
                        self._first.setdefault(because["event_id"], time.monotonic())
                    elif because["kind"] == "time":
                        self.lateness.append(time.time() * 1000 - to_millis(change["at"]))

    def seen(self, event_id: str) -> float | None:
        """Return when the first change came that names this event as its reason, None when none did yet."""
        return self._first.get(event_id)

    def close(self) -> dict[str, float]:
        """Stop; return, by event id, when (`time.monotonic`) the first change came that names it as its reason."""
        self._stopping.set()
        self._thread.join()
        self._consumer.close()
        return self._first
