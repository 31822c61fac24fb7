"""Who runs which tests, and when, if several processes share the work (`make test` has two).

A file is one process's, so that what its tests share is started once; so is the folder whose tests share a stack.
What takes long comes first: many short tests at the end let all processes finish together.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# From the longest to the shortest; a file takes minutes at the beginning and a moment at the end.
TURNS = ("tests/e2e/shared_stack/", "tests/e2e/", "tests/bench/", "tests/contract/", "tests/unit/")


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Hands out files, and the tests of the shared stack as if they were one."""

    def _split_scope(self, nodeid: str) -> str:
        return TURNS[0] if nodeid.startswith(TURNS[0]) else nodeid.partition("::")[0]


def turn(item: pytest.Item) -> int:
    """Return when a test's turn is."""
    return next((place for place, folder in enumerate(TURNS) if item.nodeid.startswith(folder)), len(TURNS))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in their order, where several processes share them."""
    if hasattr(config, "workerinput"):
        items.sort(key=turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """Hand out the work by file under `--dist loadfile`."""
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None
