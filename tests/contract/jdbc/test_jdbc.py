"""ClickHouse's own JDBC driver against the local ClickHouse: a small Java project, run by Maven."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.parts.clickhouse import running_clickhouse

_MISSING = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]


@pytest.mark.skipif(
    bool(_MISSING), reason=f"needs {' and '.join(_MISSING)}: apt-get install maven default-jdk-headless"
)
def test_the_driver_finds_a_clickhouse(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(Path(__file__).parent, project, ignore=shutil.ignore_patterns("*.py", "target", "__pycache__"))
    with running_clickhouse(tmp_path / "data") as (url, user, password):
        address = url.removeprefix("http://")
        command = [
            "mvn",
            "--batch-mode",
            "--quiet",
            "test",
            f"-Dclickhouse.url=jdbc:clickhouse://{address}/default",
            f"-Dclickhouse.user={user}",
            f"-Dclickhouse.password={password}",
        ]
        run = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)
    reports = "\n".join(file.read_text() for file in sorted(project.glob("target/surefire-reports/*.txt")))
    assert run.returncode == 0, f"{run.stdout[-4000:]}\n{reports[-4000:]}"
    assert "Tests run: 9, Failures: 0, Errors: 0, Skipped: 0" in reports
