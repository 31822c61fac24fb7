"""One local stack for all tests of this folder: each leaves it as ready as it was, also those that kill parts of it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.local.child import leashed
from deploy.local.runtime import is_running
from tests.e2e.local_stack import LocalStack, eventually


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack with one worker and secrets `wk_test` and `at_test`; it ends with this folder."""
    running = LocalStack(tmp_path_factory.mktemp("stack"))
    command = (sys.executable, "-m", "deploy.local.cli", "up", "--write-key", "wk_test", "--api-token", "at_test")
    with subprocess.Popen(leashed(command), env=running.environment, stdout=subprocess.DEVNULL) as process:
        eventually(lambda: is_running(running.folder) or process.poll() is not None)
        running.kith("up", "--detach")
        yield running
        running.kith("down", check=False)
