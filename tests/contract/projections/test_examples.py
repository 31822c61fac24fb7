"""What analysts start from runs as it stands: the examples, the notebook's cells, the dashboard's queries."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings
from tests.contract.projections.shop import shop
from tests.parts.people import Writer

ROOT = Path(__file__).parents[3]
DRIVER = Path(sys.prefix) / "jdbc" / "lib"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "shop.json").read_text())
NOTEBOOK = json.loads((ROOT / "examples" / "people.ipynb").read_text())
# What Grafana's plugin writes in place of its macros.
MACROS = {
    r"\$__timeFilter\((\w+)\)": r"\1 >= toDateTime('2026-01-01', 'UTC') AND \1 <= toDateTime('2026-03-01', 'UTC')",
    r"\$__interval_s": "3600",
    r"\$\{__from:date:[^}]*\}": "2026-01-01 00:00:00",
    r"\$\{__to:date:[^}]*\}": "2026-03-01 00:00:00",
}


@pytest.fixture
def analyst(shared_settings: Settings) -> dict[str, str]:
    """The variables that an example reads."""
    return {
        "KITH_CLICKHOUSE_URL": shared_settings.clickhouse,
        "KITH_CLICKHOUSE_DATABASE": shared_settings.clickhouse_database,
        "KITH_ANALYST_PASSWORD": shared_settings.analyst_password.get_secret_value(),
    }


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


def test_every_panel_of_the_dashboard_has_an_answer(writer: Writer) -> None:
    shop(2).write(writer)
    panels = DASHBOARD["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels) > 10
    for panel in panels:
        for target in panel["targets"]:
            sql = target["rawSql"]
            for macro, text in MACROS.items():
                sql = re.sub(macro, text, sql)
            assert "$" not in sql, panel["title"]
            answer = writer.client.query(sql)
            if panel["title"] not in ("Rejected", "Members of segments", "Merges and refusals"):
                assert answer.result_rows, panel["title"]
            if panel["type"] == "timeseries":
                assert answer.column_names[:1] == (("time",) if answer.result_rows else ())
