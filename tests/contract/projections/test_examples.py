"""What analysts start from runs as it stands: the examples, the notebook's cells."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.projections.shop import shop
from tests.parts.people import Writer

ROOT = Path(__file__).parents[3]
DRIVER = Path(sys.prefix) / "jdbc" / "lib"
NOTEBOOK = json.loads((ROOT / "examples" / "people.ipynb").read_text())


@pytest.fixture(params=["a shop", "nothing"])
def environment(request: pytest.FixtureRequest, writer: Writer, analyst: dict[str, str]) -> dict[str, str]:
    if request.param == "a shop":
        shop(2).write(writer)
    return analyst


def run_example(*command: str | Path, environment: dict[str, str]) -> str:
    """Run an example to its end; return what it printed."""
    run = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{command[-1]}: {run.stderr}"
    assert run.stdout.strip()
    return run.stdout


def test_the_scripts_run(environment: dict[str, str]) -> None:
    for script in sorted((ROOT / "examples").glob("*.py")):
        run_example(sys.executable, script, environment=environment)


@pytest.mark.skipif(not DRIVER.exists(), reason="needs ClickHouse's JDBC driver: install a JDK, then `make install`")
def test_a_program_looks_around_over_jdbc(writer: Writer, analyst: dict[str, str]) -> None:
    shop(2).write(writer)
    java = ("java", "-cp", str(DRIVER / "*"), ROOT / "examples" / "LookAround.java")
    lines = run_example(*java, environment=analyst).splitlines()
    assert (
        "column placed_at Nullable(DateTime64(3, 'UTC')): When the order was placed; null as long as nobody said so"
        in lines
    )
    assert sum(line.startswith("view ") for line in lines) > 20
    (count,) = writer.client.query(
        "SELECT people FROM funnel(steps = ['Product Viewed', 'Product Added'], within = 604800000) WHERE step = 2"
    ).result_rows[0]
    assert any(line.startswith(f"Product Added: {count} people, ") for line in lines)
    day = writer.client.query(
        "SELECT day, net FROM daily_revenue WHERE currency = 'EUR' ORDER BY net DESC LIMIT 1"
    ).first_row
    assert any(line.startswith(f"{day[0]}: ") and f" {day[1]} EUR" in line for line in lines)


def test_the_notebook_runs_from_top_to_bottom(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec("".join(cell["source"]), names)
    names["client"].close()
