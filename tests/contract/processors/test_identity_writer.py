"""The identity writer on a real Kafka: a stand-by takes over, two can never both publish, and a change of policy lives
through a kill between any two steps.
"""

import asyncio
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from processors import evidence_log
from processors.evidence_log import EvidenceLog
from processors.identity.evidence import Item, pairs_of, policy_decision
from processors.identity.policy import Policy
from processors.identity.policy_file import document_of
from processors.partition import policy_change
from processors.partition.effects import Record
from processors.partition.writer import Writer
from processors.producer import Changelog, UnitProducer
from processors.restore import restore
from processors.store import Store
from processors.unit import Unit
from schemas.codec import dumps, loads
from schemas.identifier import Identifier, seed_of
from schemas.settings import Settings
from tests.contract.processors.test_unit_of_work import Crash, die_after_commit, die_before_commit
from tests.unit.processors.identity.shop import Event, at

STRICT = Policy(limits={**Policy().limits, "email": 1})


class Log:
    """The evidence of one test, and the writers that come and go beside it."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self.settings = Settings(kafka_bootstrap=bootstrap, topic_prefix=prefix)
        self.topics = self.settings.topics
        self.folder = folder
        self._opened = 0
        names = [self.topics.evidence, self.topics.assignments, self.topics.decisions, self.topics.policy]
        names += [self.topics.inbox, self.topics.identity_state]
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for future in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
            future.result()

    def say(self, *events: Event) -> None:
        """Put the evidence of events into the log, a record each."""
        self.put(*([item for part in pairs_of(event) for item in part] for event in events))

    def put(self, *records: list[Item]) -> None:
        producer = Producer({"bootstrap.servers": self.settings.bootstrap})
        for items in records:
            producer.produce(self.topics.evidence, dumps({"schema_version": 1, "items": items}))
        assert producer.flush(10) == 0

    def read(self, topic: str) -> list[dict[str, Any]]:
        """Return the committed records of a topic."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "group.id": uuid.uuid4().hex,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
            }
        )
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = []
        while (message := consumer.poll(10)) is not None and message.error() is None:
            found.append(loads(message.value() or b"null"))
        consumer.close()
        return found

    def open(self, *, elsewhere: bool = False) -> Unit:
        """Open the writer's unit, as its owner does; `elsewhere`: on another machine, with an empty disk."""
        self._opened += elsewhere
        changelog = Changelog(self.topics.identity_state, None, 0)
        producer = UnitProducer(self.settings.bootstrap, f"{self.topics.prefix}unit-identity", f"{self.topics.prefix}w")
        producer.open()
        store = Store(self.folder / str(self._opened))
        restore(self.settings.bootstrap, store, changelog)
        writer = Writer(1, lambda _: 0, self.topics, store, Policy.default())
        return Unit("identity", 0, writer, store, producer, changelog, EvidenceLog(self.settings), 1000)

    async def work(self, unit: Unit) -> None:
        """Fold what the unit has not folded yet, and take the steps that follow, until nothing is left."""
        topic = self.topics.evidence
        start = unit.machine.positions.get(topic, 0)
        records = [
            Record(topic, offset, "", value)
            for offset, value in EvidenceLog(self.settings).records(start, EvidenceLog(self.settings).ends()[1])
        ]
        if records:
            unit.feed(topic, records, records[-1].offset + 1)
        unit._stopping = False
        unit.running = asyncio.ensure_future(unit.run())
        while not unit.running.done() and (unit.waiting or unit._answers or unit.machine.pending_jobs()):
            await asyncio.sleep(0.005)
        unit._stopping = True
        unit._wake.set()
        running, unit.running = unit.running, None
        await running

    def owners(self) -> dict[str, str]:
        """Return whose each identifier was said to be last."""
        return {each["value"]: each["profile_id"] for each in self.read(self.topics.assignments)}


@pytest.fixture
def log(kafka: str, topic_prefix: str, tmp_path: Path) -> Log:
    return Log(kafka, topic_prefix, tmp_path)


U1 = seed_of(Identifier("user_id", "u1"))
FIRST = [at(1, u="u1", e="e1"), at(2, u="u1", e="e2")]


async def test_a_stand_by_takes_over_and_the_former_writer_publishes_nothing_more(log: Log) -> None:
    log.say(*FIRST)
    former = log.open()
    await log.work(former)
    said = log.read(log.topics.assignments)
    latter = log.open(elsewhere=True)
    log.say(at(3, u="u1", e="e3"))
    with pytest.raises(KafkaException):
        await log.work(former)
    assert log.read(log.topics.assignments) == said, "what a fenced writer sends is never committed"
    await log.work(latter)
    assert log.owners() == {"u1": U1, "e1": U1, "e2": U1, "e3": U1}
    joins = [each["decision_id"] for each in log.read(log.topics.decisions)]
    assert len(joins) == len(set(joins)) == 3, "each decision was published once"
    await latter.stop()
    former._store.close()


@pytest.mark.parametrize("die", [die_before_commit, die_after_commit])
async def test_a_kill_at_any_step_of_a_change_of_policy(
    log: Log, die: Callable[[Unit], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_log, "_MOST_RECORDS", 2)
    monkeypatch.setattr(policy_change, "COMPARED_A_STEP", 2)
    log.say(*FIRST)
    unit = log.open()
    await log.work(unit)
    log.put([policy_decision(document_of(STRICT), "d1", "one address each", 1, "ann")])
    log.say(at(3, u="u2", e="e3"))
    deaths = 0
    # Every further life takes one step more before it dies, until one of them comes to the end.
    while deaths < 40:
        survivor = unit
        lives = iter(range(deaths))

        def step(effects: Any, unit: Unit = survivor, commit: Any = survivor._commit, lives: Any = lives) -> Any:
            if next(lives, None) is None:
                die(unit)
            return commit(effects)

        survivor._commit = step  # type: ignore[method-assign]
        try:
            await log.work(survivor)
            break
        except Crash:
            deaths += 1
            survivor._store.close()
            unit = log.open(elsewhere=deaths % 5 == 0)
    assert 3 < deaths < 40
    assert log.owners() == {
        "u1": U1,
        "e1": U1,
        "e2": seed_of(Identifier("email", "e2")),
        "u2": seed_of(Identifier("user_id", "u2")),
        "e3": seed_of(Identifier("user_id", "u2")),
    }
    newest = log.read(log.topics.policy)[-1]
    assert (newest["state"], newest["applied"]["decision_id"], newest["wanted"]) == ("live", "d1", None)
    kinds = {(each["kind"], each["rule"]) for each in log.read(log.topics.decisions) if each["b"]["value"] == "e2"}
    assert kinds == {("join", "pair"), ("split", "pair"), ("refuse", "limit:email")}
    await unit.stop()


async def test_a_lost_disk_is_read_back_from_the_changelog(log: Log) -> None:
    log.say(*FIRST)
    unit = log.open()
    await log.work(unit)
    before = dict(unit._store.scan(b"i:", b"j:"))
    await unit.stop()
    shutil.rmtree(log.folder / "0")
    again = log.open()
    assert before
    assert dict(again._store.scan(b"i:", b"j:")) == before
    await again.stop()
