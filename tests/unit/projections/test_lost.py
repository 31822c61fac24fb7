"""Whom the projector tells that somebody else's event has the id of theirs."""

from types import SimpleNamespace
from typing import Any

from projections.batch import Block, blocks_of, projections
from projections.lost import Lost
from schemas.codec import loads
from schemas.identifier import Identifier, event_id_of, seed_of
from schemas.settings import Settings
from tests.unit.projections.records import TOPICS, Log, event_record

ONE, OTHER, THIRD, FOURTH = (seed_of(Identifier("user_id", value)) for value in ("u1", "u2", "u3", "u4"))


class Reader:
    """An archive of ids and seeds; `scanned` are the ids that were looked for without a seed."""

    def __init__(self, archived: dict[str, str]) -> None:
        self.archived = archived
        self.scanned: set[str] = set()

    def query(self, query: str, parameters: Any = None, *, external_data: Any = None) -> Any:
        tables = external_data.form_data
        if "asked" in tables:
            ids, seeds = (set(column) for column in zip(*map(str.split, lines_of(tables["asked"])), strict=True))
            rows: list[Any] = [each for each in self.archived.items() if each[0] in ids and each[1] in seeds]
        else:
            self.scanned.update(lines_of(tables["ids"]))
            rows = [(id_,) for id_ in self.archived if id_ in self.scanned]
        return SimpleNamespace(result_rows=rows)


def lines_of(file: tuple[str, bytes, str]) -> list[str]:
    return file[1].decode().splitlines()


class Producer:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []

    def send(self, topic: str, key: bytes, value: bytes, partition: int | None = None) -> Any:
        self.sent.append((topic, key.decode(), loads(value)))
        return SimpleNamespace(get=lambda timeout: None)


def block_of(*records: Log) -> Block:
    [block], _ = blocks_of(records, projections(TOPICS))
    return block


def test_the_losers_are_told_and_reported_the_same_record_again_is_not() -> None:
    first = event_record("m1", 0, seed=ONE)
    lost = [event_record("m1", 1, seed=OTHER), event_record("m2", 2, seed=THIRD)]
    again = event_record("m3", 3, seed=ONE)
    reader = Reader({event_id_of("shop", "m2"): FOURTH, event_id_of("shop", "m3"): ONE})
    told = Lost(Settings(topic_prefix=TOPICS.prefix), reader)
    producer = told._producer = Producer()
    block = block_of(first, *lost, again)
    told.report(block, block.without(lambda row: row[-1] != 0))
    orders = {key: value["items"] for topic, key, value in producer.sent if topic == TOPICS.inbox}
    assert {seed: items[0][:4] for seed, items in orders.items()} == {
        OTHER: ["lost", event_id_of("shop", "m1"), TOPICS.events["web"], 1],
        THIRD: ["lost", event_id_of("shop", "m2"), TOPICS.events["web"], 2],
    }
    letters = [value for topic, _, value in producer.sent if topic == TOPICS.rejected]
    assert [letter["reason"] for letter in letters] == ["conflicting_duplicate"] * 2
    assert len({letter["id"] for letter in letters}) == 2
    # Looking for an id without its seed reads much more.
    assert reader.scanned == {event_id_of("shop", "m2")}


def test_an_event_that_the_archive_has_with_another_seed_of_the_batch_lost_too() -> None:
    records = [event_record("m1", 0, seed=ONE), event_record("m2", 1, seed=OTHER)]
    reader = Reader({event_id_of("shop", "m1"): OTHER, event_id_of("shop", "m2"): OTHER})
    block = block_of(*records)
    lost = Lost(Settings(topic_prefix=TOPICS.prefix), reader)._lost(block, block.without(lambda _: True))
    assert lost == records[:1]
    assert not reader.scanned
