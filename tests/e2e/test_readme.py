"""The README's commands, run in their order as they stand there; only the ports are this stack's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
INSTALLED = {"kith": f"{sys.executable} -m deploy.local.cli", "python": sys.executable}
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_the_readmes_commands_do_what_it_says(tmp_path: Path) -> None:
    own = LocalStack(tmp_path / "readme")
    _, _, section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Your own events")
    blocks = BLOCK.findall(section)
    assert ".venv/bin/kith up" in blocks[0]
    assert blocks[-1] == ".venv/bin/kith down\n"
    said = ""
    try:
        for block in blocks:
            command = re.sub(r"\.venv/bin/(kith|python)", lambda match: INSTALLED[match[1]], block)
            if "127.0.0.1:8" in command:
                command = command.replace("http://127.0.0.1:8001", own.collector)
                command = command.replace("http://127.0.0.1:8000", own.api)
            run = subprocess.run(
                ("bash", "-euc", command), cwd=ROOT, env=own.environment, capture_output=True, text=True, timeout=300
            )
            assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
            said += run.stdout
    finally:
        own.kith("down", check=False)
    assert '"value":"jane@x.fr"' in said
    assert '"count":1' in said
    assert "31,106 events sent" in said
    assert '"segment_id":"buyers"' in said
