"""Logs: JSON lines whatever a process prints, bounded in size, never in the way of the process."""

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.logfile import LINE_BYTES, LogFile, as_json_line

NOW = datetime(2026, 1, 31, 10, 15, tzinfo=timezone.utc)


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_passes_and_text_is_wrapped() -> None:
    assert as_json_line('{"event": "x"}', "api", NOW) == '{"event": "x"}'
    wrapped = json.loads(as_json_line("\x1b[31mTraceback of jane@x.fr\x1b[0m", "api", NOW))
    assert wrapped["event"] == "Traceback of [email]"
    assert wrapped["process"] == "api"
    assert wrapped["timestamp"] == "2026-01-31T10:15:00.000Z"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30)), st.integers(1, 9))
def test_chunks_do_not_matter(lines: list[str], size: int) -> None:
    """However the pipe cuts the output, the same lines are written."""
    import tempfile

    data = "".join(f"{line}\n" for line in lines).encode()
    with tempfile.TemporaryDirectory() as folder:
        whole, pieces = LogFile(Path(folder, "a"), "p"), LogFile(Path(folder, "b"), "p")
        whole.feed(data)
        for start in range(0, len(data), size):
            pieces.feed(data[start : start + size])
        whole.close()
        pieces.close()
        assert [json.loads(line)["event"] for line in whole.last] == [json.loads(line)["event"] for line in pieces.last]


def test_rotates_by_size(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "api.log", "api", max_bytes=2000, kept=2)
    for number in range(200):
        log.feed(f'{{"event": "line {number}"}}\n'.encode())
    log.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["api.log", "api.log.1", "api.log.2"]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())
    assert read(tmp_path / "api.log")[-1]["event"] == "line 199"


def test_endless_line_is_cut(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "api.log", "api")
    for _ in range(10):
        log.feed(b"x" * (LINE_BYTES // 2))
    log.feed(b"\nnext\n")
    log.close()
    lines = [str(line["event"]) for line in read(tmp_path / "api.log")]
    assert lines[-1] == "next"
    assert max(map(len, lines)) <= LINE_BYTES


def test_unwritable_log_does_not_stop_the_process(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = LogFile(tmp_path / "missing" / "api.log", "api")
    log.feed(b"one\n")
    assert len(log.last) == 1
    assert capfd.readouterr().err == ""
