"""One collector for all stock SDKs, and a reader of what each of them left in the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.collector import Collector, running_collector


@pytest.fixture
def collector(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Collector]:
    """A collector with topics of its own."""
    with running_collector(tmp_path, kafka, topic_prefix) as running:
        yield running
