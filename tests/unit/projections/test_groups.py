import pytest

from projections.batch import projections
from projections.groups import choose, groups_of
from projections.shadows import Note, beyond_of
from schemas.errors import KithError
from schemas.topics import Topics

GROUPS = groups_of(projections(Topics()))


def test_every_topic_and_every_table_is_in_one_group() -> None:
    known = projections(Topics())
    topics = [topic for group in GROUPS.values() for topic in group.topics]
    assert sorted(topics) == sorted(known)
    tables = [table.name for group in GROUPS.values() for table in group.tables]
    assert len(tables) == len(set(tables))
    assert set(tables) == {table.name for each in known.values() for table in each.tables}


def test_derived_tables_come_before_own_ones() -> None:
    assert [table.name for table in GROUPS["segments"].tables] == ["membership_states", "segment_changes"]
    assert [table.name for table in GROUPS["identity"].tables] == ["identity_candidates", "identity_slices"]
    assert len(GROUPS["events"].topics) == 4


def test_a_group_is_chosen_by_its_name_or_that_of_a_table() -> None:
    assert choose(["membership_states", "segments"], GROUPS) == [GROUPS["segments"]]
    assert {group.name for group in choose([], GROUPS)} == set(GROUPS)
    with pytest.raises(KithError, match=r"no projection evnts: choose among .*events"):
        choose(["evnts"], GROUPS)


def test_a_note_says_what_was_noted() -> None:
    note = Note({("kith.events.web", 1): 7, ("kith.events.web", 0): 0}, "uuid")
    assert Note.parse(note.text()) == note
    assert "'" not in note.text()
    assert beyond_of({("t", 1): 7}) == "(topic = 't' AND partition = 1 AND offset >= 7)"
