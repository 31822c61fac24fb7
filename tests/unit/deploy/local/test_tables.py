import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.cli import build
from projections import migrate
from projections.placement import Placement

SECRET = "nobody-may-read-this"


@pytest.mark.parametrize(
    ("variables", "placement"),
    [
        ({}, Placement(database="other")),
        ({"KITH_CLICKHOUSE_CLUSTER": "shops"}, Placement("shops", database="other")),
        (
            {"KITH_CLICKHOUSE_CLUSTER": "shops", "KITH_CLICKHOUSE_SHARDED": "true"},
            Placement("shops", sharded=True, database="other"),
        ),
    ],
)
def test_an_operator_reads_every_statement_before_it_runs(
    variables: dict[str, str], placement: Placement, tmp_path: Path
) -> None:
    environment = {
        **variables,
        "KITH_DATA_DIR": str(tmp_path),
        # Nobody listens there: nobody is asked.
        "KITH_CLICKHOUSE_URL": "http://127.0.0.1:1",
        "KITH_CLICKHOUSE_DATABASE": "other",
        "KITH_CLICKHOUSE_PASSWORD": SECRET,
    }
    shown = CliRunner().invoke(build(), ["migrate", "--sql"], env=environment)
    assert shown.exit_code == 0, shown.output
    statements = [each.strip() for each in re.sub(r"^-- .*$", "", shown.output, flags=re.MULTILINE).split(";\n")]
    database, *rest = [each.strip() for each in migrate.all_statements(placement) if not each.startswith("--")]
    assert statements == [database, "USE `other`", *rest, ""]
    assert SECRET not in shown.output


def test_shards_without_a_cluster_are_refused(tmp_path: Path) -> None:
    environment = {"KITH_DATA_DIR": str(tmp_path), "KITH_CLICKHOUSE_SHARDED": "true"}
    refused = CliRunner().invoke(build(), ["migrate", "--sql"], env=environment)
    assert refused.exit_code != 0
    assert "set KITH_CLICKHOUSE_CLUSTER" in f"{refused.output}{refused.exception}"
