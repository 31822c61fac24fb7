import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import batch, tables
from projections.batch import BROKEN_AT_LEAST, blocks_of, check_broken, token_of
from schemas.codec import dumps
from schemas.errors import KithError
from tests.unit.projections.records import TOPICS, Log, assignment, change, event_record

KNOWN = batch.projections(TOPICS)


def bad(offset: int, topic: str = TOPICS.events["web"]) -> Log:
    return Log(topic, b"{", offset)


def test_rows_of_all_topics_of_a_table_are_one_insert_under_the_exact_offsets() -> None:
    records = [event_record(f"m{n}", n) for n in range(3)] + [event_record("o", 9, partition=2, channel="order")]
    [block], refused = blocks_of(records, KNOWN)
    assert block.table is tables.EVENTS
    assert block.token == "t.events.order/2:9-9,t.events.web/0:0-2"
    assert len(block.rows) == 4
    assert not refused


def test_a_topics_own_table_comes_after_the_others() -> None:
    records = [Log(TOPICS.changes, dumps(change())), Log(TOPICS.assignments, dumps(assignment()))]
    names = [block.table.name for block in blocks_of(records, KNOWN)[0]]
    assert set(names[:2]) == {"membership_states", "identity_candidates"}
    assert set(names[2:]) == {"segment_changes", "identity_slices"}


def test_a_record_without_rows_is_named_and_still_in_the_range() -> None:
    [block], [refused] = blocks_of([event_record("a", 0), bad(1), event_record("b", 2), bad(3)][:3], KNOWN)
    assert block.token == "t.events.web/0:0-2"
    assert refused.record.offset == 1
    [block], _ = blocks_of([event_record("a", 0), bad(1)], KNOWN)
    assert block.token == "t.events.web/0:0-1"


def test_a_table_without_rows_has_no_block() -> None:
    blocks, refused = blocks_of([bad(0)], KNOWN)
    assert not blocks
    assert len(refused) == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b.c"]), st.integers(0, 9), st.integers(0, 99), st.integers(0, 99))))
def test_a_token_tells_different_ranges_apart(ranges: list[tuple[str, int, int, int]]) -> None:
    found = {(topic, partition): sorted((first, last)) for topic, partition, first, last in ranges}
    other = {place: [first, last + 1] for place, (first, last) in found.items()}
    assert token_of(found) == token_of(dict(reversed(found.items())))
    assert not found or token_of(found) != token_of(other)


def test_some_bad_records_are_bad_records() -> None:
    records = [bad(n) for n in range(BROKEN_AT_LEAST)] + [
        event_record(f"m{n}", 100 + n) for n in range(BROKEN_AT_LEAST)
    ]
    assert len(blocks_of(records, KNOWN)[1]) == BROKEN_AT_LEAST


def test_mostly_bad_records_are_a_broken_projection() -> None:
    # Another topic that works does not hide it.
    records = [bad(n) for n in range(BROKEN_AT_LEAST)] + [
        event_record(f"o{n}", n, channel="order") for n in range(5 * BROKEN_AT_LEAST)
    ]
    with pytest.raises(KithError, match=r"t\.events\.web is broken"):
        blocks_of(records, KNOWN)


def test_few_records_never_stop_the_projector() -> None:
    check_broken([batch.Refused(bad(n), "x") for n in range(BROKEN_AT_LEAST - 1)], {TOPICS.events["web"]: 19})


def test_a_part_of_a_block_has_a_token_of_its_own() -> None:
    [block], _ = blocks_of([event_record(f"m{n}", n) for n in range(4)], KNOWN)
    left, right = block.part(0, 2), block.part(2, 4)
    assert left.rows + right.rows == block.rows
    assert len({block.token, left.token, right.token}) == 3
