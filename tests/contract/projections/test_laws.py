"""What a log becomes in the real engine depends on the log alone: not on batches, their order or repeats."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from projections import archive, sink
from projections.batch import blocks_of, projections
from projections.tables import EVENTS
from schemas.codec import dumps
from schemas.topics import Topics
from tests.contract.projections.shop import shop
from tests.contract.projections.test_rebuild import ANSWERS
from tests.parts.people import Writer, seed
from tests.unit.projections.records import Log, change, decision, profile

TOPICS = Topics("law.")
KNOWN = projections(TOPICS)


def log_of(number: int) -> list[Log]:
    """A random shop's log on two partitions a topic: several states of everything, duplicates, tombstones."""
    chance = random.Random(number)
    made = shop(number, people=6, events=60, orders=10)
    events = [{name: value for name, value in each.items() if name != "t"} for each in made.events]
    messages: list[tuple[str, str, Any]] = [(TOPICS.events["web"], each["seed"], each) for each in events]
    messages += [(TOPICS.events["web"], each["seed"], each) for each in chance.sample(events, 20)]
    messages += [
        (TOPICS.assignments, each["seed"], {**each, "version": v}) for v in (1, 2) for each in made.assignments
    ]
    for version in range(3):
        messages += [(TOPICS.orders, each["seed"], {**each, "version": version}) for each in made.orders]
        for name in range(6):
            owner = seed("user_id", f"u{name}")
            document = profile(profile_id=owner, version=version, traits={"n": version})
            messages.append((TOPICS.profiles, owner, None if version == 2 and name == 0 else document))
            messages.append(
                (TOPICS.changes, owner, change(version + 1, profile_id=owner, change_id=f"{name}-{version}"))
            )
    messages += [(TOPICS.decisions, "d", decision(decision_id=f"d{n}", version=n)) for n in range(5)]
    offsets: dict[tuple[str, int], int] = {}
    found = []
    for topic, key, document in messages:
        partition = hash_of(key) % 2
        offset = offsets[topic, partition] = offsets.get((topic, partition), -1) + 1
        value = None if document is None else dumps(document)
        found.append(Log(topic, value, offset, partition, key.encode()))
    return found


def hash_of(key: str) -> int:
    return sum(key.encode())


def project(writer: Writer, records: Sequence[Log]) -> None:
    """Insert one batch as the projector does."""
    blocks, refused = blocks_of(records, KNOWN)
    assert not refused
    for block in blocks:
        if block.table is EVENTS:
            block = archive.new_events(writer.client, block)
        if block.rows:
            sink.insert(writer.client, block, never, never)


def never(_: Any) -> None:
    raise AssertionError("neither waits nor refuses")


def answers(writer: Writer) -> dict[str, list[Any]]:
    found = {}
    for name, sql in ANSWERS.items():
        final = sql if " FINAL" in sql or name == "events" else sql.replace(f"FROM {name}", f"FROM {name} FINAL")
        found[name] = list(writer.client.query(final).result_rows)
    return found


@pytest.mark.parametrize("number", range(3))
def test_batches_their_order_and_repeats_change_nothing(writer: Writer, number: int) -> None:
    records = log_of(number)
    project(writer, records)
    whole = answers(writer)
    assert all(whole.values())
    chance = random.Random(number)
    for _ in range(3):
        writer.clear()
        # Partitions keep their order, whatever their batches are and whoever comes first; states by any order at all.
        left = {place: [each for each in records if (each.topic, each.partition) == place] for place in places(records)}
        while any(left.values()):
            batch: list[Log] = []
            for place in chance.sample(sorted(left), len(left)):
                count = chance.randrange(12)
                batch += left[place][:count]
                del left[place][:count]
            project(writer, batch)
        assert answers(writer) == whole
        # Any suffix again, cut otherwise than before.
        suffix = records[chance.randrange(len(records)) :]
        for start in range(0, len(suffix), 17):
            project(writer, suffix[start : start + 17])
        assert answers(writer) == whole


@pytest.mark.parametrize("number", range(2))
def test_states_come_out_the_same_in_any_order_at_all(writer: Writer, number: int) -> None:
    kinds = (TOPICS.assignments, TOPICS.profiles, TOPICS.orders, TOPICS.changes, TOPICS.decisions)
    records = [each for each in log_of(number) if each.topic in kinds]
    project(writer, records)
    whole = answers(writer)
    writer.clear()
    random.Random(number).shuffle(records)
    for start in range(0, len(records), 23):
        project(writer, records[start : start + 23])
    assert answers(writer) == whole


@pytest.mark.parametrize("number", range(3))
def test_counts_are_those_of_a_program_that_reads_the_log(writer: Writer, number: int) -> None:
    records = log_of(number)
    for start in range(0, len(records), 31):
        project(writer, records[start : start + 31])
    newest: dict[str, dict[bytes, Log]] = {}
    for each in records:
        if each.topic not in (TOPICS.events["web"], TOPICS.changes, TOPICS.decisions):
            assert each.key
            newest.setdefault(each.topic, {})[each.key] = each
    living = {topic: sum(each.value is not None for each in states.values()) for topic, states in newest.items()}
    counted = {
        "events": len({each.value for each in records if each.topic == TOPICS.events["web"]}),
        "profiles": living[TOPICS.profiles],
        "orders": living[TOPICS.orders],
        "segment_changes": sum(each.topic == TOPICS.changes for each in records),
    }
    for name, count in counted.items():
        assert writer.client.command(f"SELECT count() FROM {name}") == count, name  # noqa: S608 - names of this test


def places(records: Sequence[Log]) -> set[tuple[str, int]]:
    return {(each.topic, each.partition) for each in records}
