"""Reading logs: merged by time, readable, following across rotation."""

import itertools
import json
from contextlib import closing
from pathlib import Path

import pytest

from deploy.local.folder import DataFolder
from deploy.local.logfile import LogFile
from deploy.local.logs import follow_lines, last_lines, log_files, readable
from schemas.errors import KithError


def line(second: int, process: str) -> str:
    moment = f"2026-01-31T10:15:{second:02d}.000Z"
    return json.dumps({"event": f"e{second}", "process": process, "level": "info", "timestamp": moment})


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder.at(tmp_path)
    folder.create()
    folder.log_file("api").write_text("".join(line(second, "api") + "\n" for second in (1, 4, 5)))
    folder.log_file("kafka").write_text("".join(line(second, "kafka") + "\n" for second in (2, 3, 6)))
    return folder


def test_merged_in_the_order_of_time(folder: DataFolder) -> None:
    found = last_lines(log_files(folder, None), 4)
    assert [json.loads(text)["event"] for text in found] == ["e3", "e4", "e5", "e6"]
    assert last_lines(log_files(folder, None), 0) == []


def test_one_process(folder: DataFolder) -> None:
    assert [json.loads(text)["process"] for text in last_lines(log_files(folder, "api"), 9)] == ["api"] * 3


def test_unknown_process_names_what_there_is(folder: DataFolder, tmp_path: Path) -> None:
    with pytest.raises(KithError, match="there is: api, kafka"):
        log_files(folder, "worker")
    with pytest.raises(KithError, match="kith up"):
        log_files(DataFolder.at(tmp_path / "other"), None)


def test_readable() -> None:
    text = '{"event": "batch", "process": "worker-1", "level": "info", "timestamp": "T", "partition": 3}'
    assert readable(text).split() == ["T", "worker-1", "info", "batch", "partition=3"]
    assert readable("not json") == "not json"
    assert readable('["a list"]') == '["a list"]'


def test_follows_across_rotation(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogFile(folder.log_file("worker-1"), "worker-1", max_bytes=1000, kept=5)
    log.feed(b'{"event": "before"}\n')
    numbers = itertools.count()

    def write_instead_of_sleeping(_: float) -> None:
        log.feed(json.dumps({"event": next(numbers), "padding": "x" * 700}).encode() + b"\n")

    monkeypatch.setattr("time.sleep", write_instead_of_sleeping)
    with closing(log), closing(follow_lines([folder.log_file("worker-1")])) as following:
        events = [json.loads(text)["event"] for text in itertools.islice(following, 4)]
    assert events == [0, 1, 2, 3]
