"""A Kafka of one's own, to freeze, kill and start again; and a reader of what is in its topics."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.local import kafka as broker
from deploy.local.child import leashed
from deploy.local.stack import free_port

_STARTS_S = 60.0


@dataclass
class Kafka:
    """A single node whose log stays in its folder over restarts."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def bootstrap(self) -> str:
        """Return its bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        configuration = self.folder / "server.properties"
        text = broker.properties(self.folder / "log", "127.0.0.1", self.port, free_port("127.0.0.1"))
        configuration.write_text(text)
        broker.format_storage(self.folder / "log", configuration)
        with (self.folder / "kafka.log").open("ab") as log:
            self.process = subprocess.Popen(leashed(broker.broker_command(configuration)), stdout=log, stderr=log)
        deadline = time.monotonic() + _STARTS_S
        while not answers(self.bootstrap):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka does not start: {(self.folder / 'kafka.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does; connections stay open and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(timeout=30)
        self.process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


@contextmanager
def running_kafka(folder: Path, *, start: bool = True) -> Iterator[Kafka]:
    """A Kafka in `folder`, on a port of its own; it is killed at the end."""
    broker.check_installed()
    folder.mkdir(parents=True, exist_ok=True)
    kafka = Kafka(folder, free_port("127.0.0.1"))
    try:
        if start:
            kafka.start()
        yield kafka
    finally:
        if kafka.process is not None:
            kafka.thaw()
            kafka.kill()


def answers(bootstrap: str) -> bool:
    """Tell whether a broker answers there within a second."""
    try:
        AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=1.0)
    except KafkaException:
        return False
    return True


class Kept(NamedTuple):
    """A record that a topic holds; `value` is its JSON."""

    topic: str
    partition: int
    offset: int
    key: str
    value: dict[str, Any]


def kept(bootstrap: str, *topics: str) -> list[Kept]:
    """Return all committed records that the topics hold now, partition by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )
    try:
        places = [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic in topics
            for partition in consumer.list_topics(topic, timeout=60).topics[topic].partitions
        ]
        consumer.assign(places)
        return sorted(_to_the_end(consumer, len(places)), key=lambda record: record[:3])
    finally:
        consumer.close()


def _to_the_end(consumer: Consumer, partitions: int) -> Iterator[Kept]:
    while partitions:
        message = consumer.poll(timeout=60)
        if message is None:
            raise TimeoutError("the end of a partition does not come")
        error = message.error()
        if error is None:
            key, value = message.key() or b"", message.value() or b"null"
            topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            yield Kept(topic, partition, offset, key.decode(), orjson.loads(value))
        elif error.code() == KafkaError._PARTITION_EOF:
            partitions -= 1
        else:
            raise KafkaException(error)
