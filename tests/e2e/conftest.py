"""One local stack for all end-to-end tests that only use it; those that stop or kill parts of it start their own."""

from collections.abc import Iterator

import pytest

from tests.e2e.local_stack import LocalStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack with one worker and secrets `wk_test` and `at_test`."""
    running = LocalStack(tmp_path_factory.mktemp("stack"))
    running.kith("up", "--detach", "--write-key", "wk_test", "--api-token", "at_test")
    yield running
    running.kith("down", check=False)
