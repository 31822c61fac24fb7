"""The ring of newest changes, and the streams that follow it: in order, without a gap, whoever falls behind."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.delivery import tail
from api.delivery.changes import Changes, _Subscriber
from api.delivery.cursor import positions_of
from api.delivery.tail import Tail
from processors.erasure.masks import Masks
from schemas.codec import dumps, loads
from schemas.identifier import Identifier
from schemas.privacy import Hidden
from schemas.settings import Settings
from tests.unit.projections.records import change

PUBLISHED = 1_800_000_000_000


def record(partition: int, offset: int, segment: str = "vip", **because: str) -> Any:
    value = dumps(change(segment_id=segment, because={"kind": "event", **because}))
    return SimpleNamespace(partition=partition, offset=offset, value=value, timestamp=PUBLISHED)


def filled(records: list[Any]) -> Tail:
    ring = Tail("nowhere:9", "changes")
    for each in records:
        ring.take(each)
    return ring


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 10))
def test_the_ring_keeps_the_newest_and_knows_where_it_is_complete_from(drawn: list[int], kept: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "KEPT", kept)
        ring = filled([record(partition, offset) for offset, partition in enumerate(drawn)])
    there = ring.since(ring.first, 100)
    assert [each.offset for each in there] == list(range(len(drawn)))[-kept:]
    assert ring.next == len(drawn)
    # Whoever has read what fell out of the ring is covered, and nobody else.
    read = {partition: offset + 1 for offset, partition in enumerate(drawn[: ring.first])}
    assert ring.covers(read)
    for partition, offset in read.items():
        assert not ring.covers({**read, partition: offset - 1})


def test_what_is_no_change_is_left_out() -> None:
    ring = filled([SimpleNamespace(partition=0, offset=0, value=value) for value in (None, b"{", b"[]", b"{}")])
    assert ring.next == 0


async def follow(stream: Changes, subscriber: _Subscriber, number: int) -> list[bytes]:
    found: list[bytes] = []
    async for frames in stream._follow(subscriber):
        found += [each for each in frames.split(b"\n\n") if each.startswith(b"event:")]
        if len(found) >= number:
            break
    return found


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=30), st.data())
def test_a_stream_continued_at_any_event_has_each_change_once(drawn: list[int], data: st.DataObject) -> None:
    stream = Changes(Settings(kafka_bootstrap="nowhere:9"))
    stream.tail = filled([record(partition, offset) for offset, partition in enumerate(drawn)])
    whole = asyncio.run(follow(stream, _Subscriber({}, None, False), len(drawn)))
    assert len(whole) == len(drawn)
    place = data.draw(st.integers(0, len(whole) - 1))
    cursor = whole[place].split(b"id: ")[1].split(b"\n")[0].decode()
    rest = whole[place + 1 :]
    if rest:
        assert asyncio.run(follow(stream, _Subscriber(positions_of(cursor), None, False), len(rest))) == rest


def test_moves_and_other_segments_are_left_out_unless_asked_for() -> None:
    ring = filled([record(0, 0), record(0, 1, "other"), record(0, 2, moved_to="x"), record(0, 3, moved_from="y")])
    found = ring.since(0, 10)
    assert [_Subscriber({}, None, False).wants(each) for each in found] == [True, True, False, False]
    assert [_Subscriber({}, None, True).wants(each) for each in found] == [True] * 4
    assert [_Subscriber({}, frozenset({"vip"}), True).wants(each) for each in found] == [True, False, True, True]


def test_a_change_of_somebody_erased_since_names_nobody() -> None:
    masks = Masks(b"key")
    ring = Tail("nowhere:9", "changes", masks)
    value = dumps(change(identifiers=[{"type": "email", "value": "jane@x.fr"}]))
    ring.take(SimpleNamespace(partition=0, offset=0, value=value, timestamp=PUBLISHED))
    [kept] = ring.since(ring.first, 10)
    assert loads(kept.data)["identifiers"]
    person = Identifier("profile_id", kept.profile_id)
    hidden: list[Hidden] = [{"hash": masks.hash_of(person), "slice": None}]
    masks.add(hidden, PUBLISHED - 5, "erase", PUBLISHED - 1)
    assert loads(kept.data)["identifiers"], "it came after the mask"
    masks.add(hidden, PUBLISHED - 5, "erase", PUBLISHED)
    assert loads(kept.data) == {**loads(kept.raw), "identifiers": []}
