"""`kith send` and `kith import` as they are typed: what they print, and their exit codes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.cli import build
from tests.parts.receiving import Receiving, receiving


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiving]:
    with receiving() as state:
        monkeypatch.setenv("KITH_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("KITH_WRITE_KEYS", "wk_env")
        monkeypatch.setenv("KITH_COLLECTOR_PORT", state.url.rpartition(":")[2])
        yield state


def kith(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(), arguments)
    return result.exit_code, result.output


def test_send(front: Receiving, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text('{"type": "page", "userId": "u1", "messageId": "1"}\n')
    code, output = kith("send", str(path))
    assert (code, "1 events sent." in output) == (0, True)
    assert [(path, key) for path, key, _ in front.requests] == [("/v1/batch", "wk_env:")]


def test_send_fails_after_sending_the_rest_when_a_line_is_no_message(front: Receiving, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text('oops\n{"type": "page", "userId": "u1"}\n')
    code, output = kith("send", str(path), "--write-key", "wk_given")
    assert code == 1
    assert f"{path}:1:" in output
    assert "1 events sent." in output
    assert front.requests[0][1] == "wk_given:"


def test_import(front: Receiving, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("at,user\n2026-01-01,u1\n")
    path.with_suffix(".yaml").write_text("time: {column: at}\ncolumns: {user: userId}\nconstants: {event: Seen}\n")
    code, output = kith("import", str(path))
    assert (code, "1 events sent" in output) == (0, True)
    assert [(path, key) for path, key, _ in front.requests] == [("/v1/import", "wk_env:")]


def test_import_fails_after_sending_the_rest_and_names_the_side_file(front: Receiving, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("at,user\nnever,u1\n2026-01-01,u1\n")
    mapping = tmp_path / "other.yaml"
    mapping.write_text("time: {column: at}\ncolumns: {user: userId}\nconstants: {event: Seen}\n")
    code, output = kith("import", str(path), "--mapping", str(mapping))
    assert code == 1
    assert "1 rows make no event" in output
    side = next((tmp_path / "data" / "imports").glob("rows.csv-*.errors.ndjson"))
    assert str(side) in output.replace("\n", "")
    assert len(front.messages) == 1
