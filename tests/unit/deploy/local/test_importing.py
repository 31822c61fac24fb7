"""An import sends every row once, wherever it was interrupted; the shipped clickstream becomes what its README says."""

import asyncio
import json
import os
import stat
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from deploy.local import importing, sending
from deploy.local.importing import SHIPPED, Import, Mark, load_mapping
from ingest.imports.mapping import Mapping
from ingest.imports.rows import RowFile
from schemas.errors import KithError
from tests.parts.receiving import Receiving, receiving

MAPPING = "time: {column: at}\ncolumns: {user: userId}\nconstants: {event: Seen}\n"


def write(folder: Path, rows: list[tuple[str, str]]) -> Path:
    path = folder / "rows.csv"
    path.write_text("at,user\n" + "".join(f"{at},{user}\n" for at, user in rows))
    (folder / "rows.yaml").write_text(MAPPING)
    return path


def run(path: Path, front: Receiving, source: str = "default") -> tuple[importing.Result, list[Mark]]:
    marks: list[Mark] = []
    job = Import(path, None, source, path.parent / "imports")
    return asyncio.run(job.run(front.collector, marks.append)), marks


ROWS = st.lists(
    st.tuples(st.sampled_from(["2026-01-01", "2026-01-02T10:00:00Z", "never"]), st.sampled_from(["u1", "u2", ""])),
    max_size=40,
)


@settings(max_examples=15, deadline=None)
@given(ROWS, st.lists(st.integers(0, 8), max_size=3))
def test_interrupted_anywhere_it_sends_everything_and_notes_every_fault_once(
    rows: list[tuple[str, str]], kills: list[int]
) -> None:
    with TemporaryDirectory() as folder, receiving() as front, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "BATCH_EVENTS", 2)
        patch.setattr(importing, "SAVE_EVERY_S", 0.0)
        path = write(Path(folder), rows)
        bad = [line for line, (at, user) in enumerate(rows, 2) if at == "never" or not user]
        for taken in kills:
            front.answers = [200] * taken + [400] * 100
            # What an earlier run left may be less than what this one gets through.
            with suppress(KithError):
                run(path, front)
        front.answers = []
        result, marks = run(path, front)
        ids = {message["messageId"] for message in front.messages}
        assert len(ids) == len(rows) - len(bad)
        assert (result.progress.sent, result.progress.faults) == (len(rows) - len(bad), len(bad))
        noted = result.faults_path.read_text().splitlines() if bad else []
        assert [json.loads(line)["line"] for line in noted] == bad
        assert marks[-1].position == path.stat().st_size
        # Again: the same ids, nothing that was not there.
        run(path, front)
        assert {message["messageId"] for message in front.messages} == ids


def test_an_interrupted_import_does_not_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "BATCH_EVENTS", 10)
    monkeypatch.setattr(sending, "IN_FLIGHT", 1)
    monkeypatch.setattr(importing, "SAVE_EVERY_S", 0.0)
    path = write(tmp_path, [("2026-01-01", f"u{number}") for number in range(100)])
    with receiving() as front:
        front.answers = [200] * 6 + [400]
        with pytest.raises(KithError):
            run(path, front)
        result, _ = run(path, front)
        assert result.resumed == 60
        assert len(front.messages) == 100
        # Another source is another import.
        front.answers = [200] * 3 + [400]
        with pytest.raises(KithError):
            run(path, front, "one")
        assert run(path, front, "two")[0].resumed == 0


def test_what_names_people_is_its_owners_alone(tmp_path: Path) -> None:
    path = write(tmp_path, [("never", "u1")])
    with receiving() as front:
        result, _ = run(path, front)
    assert stat.S_IMODE(result.faults_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(result.faults_path.parent.stat().st_mode) == 0o700
    assert json.loads(result.faults_path.read_text()) == {
        "line": 2,
        "error": "'never' is no time of the form iso",
        "row": {"at": "never", "user": "u1"},
    }


def test_columns_that_the_file_has_not_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    path = write(tmp_path, [("2026-01-01", "u1")])
    (tmp_path / "rows.yaml").write_text(MAPPING.replace("user:", "usr:"))
    with receiving() as front, pytest.raises(KithError, match=r"no column 'usr'.*it has at, user"):
        run(path, front)


def test_without_a_mapping_it_says_how_to_give_one(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a\n1\n")
    with pytest.raises(KithError, match=r"names a person.*docs/importing\.md.*--mapping"):
        Import(path, None, "default", tmp_path)
    with pytest.raises(KithError, match=r"no .*absent\.yaml"):
        Import(path, tmp_path / "absent.yaml", "default", tmp_path)
    with pytest.raises(KithError, match=r"no file"):
        Import(tmp_path / "absent.csv", None, "default", tmp_path)


def test_a_guess_is_shown_before_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("timestamp,user_id,event\n2026-01-01,u1,Seen\n")
    job = Import(path, None, "default", tmp_path / "imports")
    assert job.chosen.guessed
    assert "user_id: userId" in job.chosen.text
    assert [message["event"] for message in job.chosen.examples] == ["Seen"]
    with receiving() as front:
        for _ in range(2):
            run(path, front)
        assert len({message["messageId"] for message in front.messages}) == 1


def test_people_without_a_time_are_as_old_as_their_file(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email,city\nj@x.fr,Lille\n")
    os.utime(path, (1_769_854_500, 1_769_854_500))
    with receiving() as front:
        run(path, front)
        (message,) = front.messages
    assert (message["type"], message["timestamp"]) == ("identify", "2026-01-31T10:15:00.000Z")


def test_parquet_is_read_like_the_others(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rows = [{"at": "2026-01-01", "user": f"u{number}"} for number in range(1200)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    (tmp_path / "rows.yaml").write_text(MAPPING)
    with receiving() as front:
        result, marks = run(path, front)
        assert len({message["messageId"] for message in front.messages}) == 1200
    assert result.progress.sent == 1200
    assert marks[-1].position == path.stat().st_size


def test_the_shipped_clickstream() -> None:
    path = SHIPPED / "ecom.csv.gz"
    mapping = load_mapping(Path("elsewhere/ecom.csv.gz"), None).mapping
    assert isinstance(mapping, Mapping)
    with RowFile(path, mapping.format) as rows:
        assert set(mapping.named_columns()) == set(rows.header)
        lines = list(rows)
    messages = [mapping.message(row, line) for line, row, _ in lines]
    assert len(messages) == len({message["messageId"] for message in messages}) == 31_106
    assert len({message["userId"] for message in messages}) == 600
    names = Counter(message.get("event", message.get("name")) for message in messages)
    assert mapping.events is not None
    assert set(names) == {named.name for named in mapping.events.names.values()}
    orders = [message["properties"]["order_id"] for message in messages if message.get("event") == "Order Completed"]
    assert len(orders) == len(set(orders)) == 470
