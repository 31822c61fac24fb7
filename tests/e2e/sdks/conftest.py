"""One collector for all stock SDKs; each test is a source of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.collector import Collector, running_collector

_SOURCES = 64


@pytest.fixture(scope="session")
def shared(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Collector, Iterator[int]]]:
    """A collector with many sources, and the numbers of those that nobody has used."""
    folder: Path = tmp_path_factory.mktemp("sdks")
    sources = folder / "sources.yaml"
    lines = [f"  shop-{number}: {{kind: tracking, write_keys: [wk_{number}]}}" for number in range(_SOURCES)]
    sources.write_text("\n".join(["sources:", *lines]))
    with running_collector(
        folder, kafka, f"test-{folder.name}-{folder.stat().st_ino}.", KITH_SOURCES=str(sources)
    ) as running:
        yield running, itertools.count()


@pytest.fixture
def collector(shared: tuple[Collector, Iterator[int]]) -> Collector:
    """The shared collector as a source of one's own sees it."""
    running, numbers = shared
    number = next(numbers)
    return running.of(f"shop-{number}", f"wk_{number}")
