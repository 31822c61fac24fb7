"""Who runs which tests, and when, if several processes share the work (`make test` has two).

A file is one process's, so that what its tests share is started once; so is everything that uses the shared stack. What
takes long comes first: many short tests at the end let all processes finish together.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

STACK = "stack"
# From the longest to the shortest; a file takes minutes at the beginning and a moment at the end.
TURNS = ("tests/e2e/", "tests/bench/", "tests/contract/", "tests/unit/")


class ByFile(LoadGroupScheduling):  # type: ignore[misc]
    """Hands out files, and what is marked as a group as if it were one."""

    def _split_scope(self, nodeid: str) -> str:
        scope = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if scope == nodeid else scope


def turn(item: pytest.Item) -> int:
    """Return when a test's turn is: what shares the stack is the longest of all."""
    if uses_stack(item):
        return -1
    return next((place for place, folder in enumerate(TURNS) if item.nodeid.startswith(folder)), len(TURNS))


def uses_stack(item: pytest.Item) -> bool:
    """Tell whether a test needs the shared stack."""
    return STACK in getattr(item, "fixturenames", ())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in their order, where several processes share them."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if uses_stack(item):
            item.add_marker(pytest.mark.xdist_group(STACK))
    items.sort(key=turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """Hand out files and groups under `--dist loadgroup`."""
    return ByFile(config, log) if config.getvalue("dist") == "loadgroup" else None
