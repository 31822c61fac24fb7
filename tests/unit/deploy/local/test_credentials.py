"""Secrets are random, readable by their owner only, stable from start to start, and fixed by variables."""

import stat
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.local.credentials import load_credentials, settle_credentials
from schemas.errors import KithError
from schemas.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.json"


def test_first_use_creates_random_secrets(file: Path, tmp_path: Path) -> None:
    one = settle_credentials(file, Settings())
    two = settle_credentials(tmp_path / "other.json", Settings())
    assert one.write_key.startswith("wk_")
    assert one.write_key != two.write_key
    assert len(set(asdict(one).values())) == 6


def test_stored_with_mode_600_and_no_draft_left(file: Path) -> None:
    settle_credentials(file, Settings())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secrets.json"]


def test_second_start_keeps_them(file: Path) -> None:
    assert settle_credentials(file, Settings()) == settle_credentials(file, Settings())


def test_a_variable_wins_and_stays(file: Path) -> None:
    before = settle_credentials(file, Settings())
    fixed = settle_credentials(file, Settings(write_keys="wk_a,wk_b", clickhouse_password=SecretStr("pw")))
    assert (fixed.write_keys, fixed.write_key, fixed.clickhouse_password) == ("wk_a,wk_b", "wk_a", "pw")
    assert fixed.api_tokens == before.api_tokens
    assert settle_credentials(file, Settings()) == fixed == load_credentials(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"write_keys": "x"}', "not json"])
def test_broken_file_says_what_to_do(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(KithError, match="Remove it"):
        load_credentials(file)
