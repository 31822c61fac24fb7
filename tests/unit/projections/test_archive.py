from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections import archive, batch
from projections.batch import blocks_of
from tests.unit.projections.records import TOPICS, event_record

KNOWN = batch.projections(TOPICS)


class Archive:
    """Answers queries with rows that are given, and keeps the statements."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self.rows = list(rows)
        self.statements: list[tuple[str, dict[str, Any] | None]] = []

    def query(self, query: str, parameters: dict[str, Any] | None = None, *, external_data: Any = None) -> Any:
        self.statements.append((query, parameters))
        if "HAVING" in query:
            return SimpleNamespace(result_rows=[row[:1] for row in self.rows])
        return SimpleNamespace(result_rows=self.rows)

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> None:
        self.statements.append((cmd, parameters))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.sets(st.integers(0, 5)))
def test_of_each_event_id_the_first_stays_unless_the_archive_has_it(drawn: list[int], there: set[int]) -> None:
    [block], _ = blocks_of([event_record(f"m{n}", offset) for offset, n in enumerate(drawn)], KNOWN)
    ids = {n: event_record(f"m{n}").value for n in drawn}
    known = [row[0] for n in there for row in blocks_of([event_record(f"m{n}")], KNOWN)[0][0].rows]
    fresh = archive.new_events(Archive(*((each,) for each in known)), block)
    assert [record.value for record in fresh.records] == [ids[n] for n in dict.fromkeys(drawn) if n not in there]
    assert fresh.token == block.token
    assert [row[0] for row in fresh.rows] == archive.event_ids(fresh)


def test_of_the_rows_of_one_event_the_first_place_stays() -> None:
    editor = Archive(("id", [("t.events.web", 0, 5), ("t.events.web", 1, 2), ("t.events.web", 1, 9)]))
    assert archive.remove_surplus(editor, ["id"]) == 2
    deleted = [parameters for statement, parameters in editor.statements if statement.startswith("DELETE")]
    assert [(each["partition"], each["offset"]) for each in deleted if each] == [(1, 2), (1, 9)]


def test_positions_are_asked_of_each_topics_own_table() -> None:
    reader = Archive(("t.events.web", 0, 8))
    asked = archive.positions(reader, KNOWN, [TOPICS.events["web"], TOPICS.events["order"], TOPICS.changes])
    assert asked == {("t.events.web", 0): 8}
    tables = [statement.split(" FROM ")[1].split()[0] for statement, _ in reader.statements]
    assert tables == ["events", "segment_changes"]


def test_who_opens_partitions_asks_for_repeated_ids_among_their_newest_offsets() -> None:
    asked = []

    class Empty(Archive):
        def query(self, query: str, parameters: Any = None, *, external_data: Any = None) -> Any:
            asked.append(external_data.form_data["starts"][1].decode())
            return super().query(query, parameters, external_data=external_data)

    assert archive.remove_newest_surplus(Empty(), {("t.events.web", 1): 5, ("t.events.web", 0): 300}, 100) == 0
    assert asked == ["t.events.web\t0\t200\nt.events.web\t1\t0"]
    assert archive.remove_newest_surplus(Empty(), {}, 100) == 0
