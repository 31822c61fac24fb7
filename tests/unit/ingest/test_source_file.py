"""Sources are read again when their file changes; a wrong file changes nothing."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from ingest import watch
from ingest.source_file import SourceFile
from schemas.errors import KithError


def write(path: Path, *keys: str) -> None:
    lines = [f"  shop-{number}: {{kind: tracking, write_keys: [{key}]}}" for number, key in enumerate(keys)]
    path.write_text("\n".join(["sources:", *lines]))


def test_file_and_environment_together(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    write(path, "wk_a", "wk_b")
    sources = SourceFile(path, "wk_c")
    assert sorted(sources.current.by_name) == ["default", "shop-0", "shop-1"]


def test_a_changed_file_is_read_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    write(path, "wk_a")
    sources = SourceFile(path, "")
    assert not sources.refresh()
    write(path, "wk_a", "wk_b")
    assert sources.refresh()
    assert sources.current.by_key("wk_b") is not None

    def errors() -> float:
        return REGISTRY.get_sample_value("kith_collector_sources_errors_total") or 0.0

    before = errors()
    path.write_text("sources: {a: {kind: fax}}")
    assert not sources.refresh()
    assert sources.current.by_key("wk_b") is not None
    path.unlink()
    assert not sources.refresh()
    assert sources.current.by_key("wk_b") is not None
    assert errors() == before + 2
    write(path, "wk_c")
    assert sources.refresh()
    assert sources.current.by_key("wk_b") is None


def test_a_wrong_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KithError, match="cannot read"):
        SourceFile(tmp_path / "missing.yaml", "")
    path = tmp_path / "sources.yaml"
    path.write_text("sources: {default: {kind: tracking, write_keys: [k]}}")
    assert SourceFile(path, "").current.by_key("k") is not None
    with pytest.raises(KithError, match="KITH_WRITE_KEYS"):
        SourceFile(path, "other")


async def test_it_watches_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.01)
    path = tmp_path / "sources.yaml"
    write(path, "wk_a")
    sources = SourceFile(path, "")
    sources.start()
    try:
        write(path, "wk_a", "wk_new")
        async with asyncio.timeout(5):
            while sources.current.by_key("wk_new") is None:
                await asyncio.sleep(0.01)
    finally:
        await sources.stop()
