from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from deploy.local.folder import DataFolder
from deploy.local.runtime import Lock
from deploy.local.snapshots import read_snapshot, write_snapshot
from schemas.errors import KithError
from schemas.settings import Settings

HELD = {"secrets.json": b"{}", "kafka/log/0.log": b"\0" * 5000, "state/worker-1/CURRENT": b"x", "kafka/empty": b""}


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def stack(root: Path) -> Settings:
    for name, content in {**HELD, "run/lock": b"", "logs/api.log": b"line"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "clickhouse" / "store").mkdir(parents=True)
    (root / "clickhouse" / "data").symlink_to("store")
    return at(root)


def at(root: Path) -> Settings:
    return Settings(data_dir=root, kafka_bootstrap=None, clickhouse_url=None, clickhouse_password=SecretStr(""))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_everything_comes_back_into_another_folder(tmp_path: Path) -> None:
    file = tmp_path / "shop.kith"
    assert write_snapshot(stack(tmp_path / "a"), file, quiet) == sum(map(len, HELD.values()))
    assert file.stat().st_mode & 0o777 == 0o600
    manifest = read_snapshot(at(tmp_path / "b"), file, quiet)
    assert contents(tmp_path / "b") == HELD
    assert (tmp_path / "b" / "clickhouse" / "data").readlink() == Path("store")
    assert manifest["bytes"] == sum(map(len, HELD.values()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "shop.kith"]


def test_a_folder_that_holds_a_stack_is_left_alone(tmp_path: Path) -> None:
    write_snapshot(stack(tmp_path / "a"), tmp_path / "s", quiet)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "secrets.json").write_text("mine")
    with pytest.raises(KithError, match="holds a stack already"):
        read_snapshot(at(tmp_path / "b"), tmp_path / "s", quiet)
    assert contents(tmp_path / "b") == {"secrets.json": b"mine"}


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_what_was_cut_off_or_damaged_is_refused_as_a_whole(tmp_path: Path, place: float, cut: bool) -> None:
    whole = tmp_path / "whole"
    if not whole.exists():
        write_snapshot(stack(tmp_path / "a"), whole, quiet)
    data = bytearray(whole.read_bytes())
    spot = int(place * len(data))
    if cut:
        del data[spot:]
    else:
        data[spot] ^= 0xFF
    bad = tmp_path / "bad"
    bad.write_bytes(data)
    with pytest.raises(KithError, match="nothing was restored"):
        read_snapshot(at(tmp_path / "b"), bad, quiet)
    assert not (tmp_path / "b").exists()
    assert not (tmp_path / "b.restoring").exists()


def test_a_running_stack_is_refused_and_an_old_snapshot_kept(tmp_path: Path) -> None:
    settings = stack(tmp_path / "a")
    file = tmp_path / "s"
    file.write_bytes(b"old")
    lock = Lock(DataFolder.at(tmp_path / "a").lock)
    assert lock.acquire()
    with pytest.raises(KithError, match="kith down"):
        write_snapshot(settings, file, quiet)
    lock.close()
    with pytest.raises(KithError, match="cannot be written"):
        write_snapshot(settings, tmp_path / "no" / "folder", quiet)
    assert file.read_bytes() == b"old"
    assert not (tmp_path / "s.part").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("kafka_bootstrap", "kafka:9092"), ("clickhouse_url", "http://ch:8123"), ("state_dir", "/state")],
)
def test_a_stack_that_is_partly_elsewhere_is_refused(tmp_path: Path, name: str, value: str) -> None:
    settings = stack(tmp_path / "a").model_copy(update={name: value})
    with pytest.raises(KithError, match=f"KITH_{name.upper()}"):
        write_snapshot(settings, tmp_path / "s", quiet)


def test_nothing_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(KithError, match="holds no stack"):
        write_snapshot(at(tmp_path / "none"), tmp_path / "s", quiet)
