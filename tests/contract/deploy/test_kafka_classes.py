"""The archive of Kafka's classes is one that Java takes; one that does not fit costs nothing but time."""

import subprocess
from pathlib import Path

import pytest

from deploy.local import kafka

pytestmark = pytest.mark.skipif(not kafka.JARS.exists(), reason="another Kafka is used: there are no jars here")


def run(classes: str, sharing: str = "auto") -> "subprocess.CompletedProcess[str]":
    command = kafka.java_command("kafka.tools.StorageTool", "random-uuid", heap="64m", classes=classes)
    java, *options = command
    return subprocess.run((java, f"-Xshare:{sharing}", *options), capture_output=True, text=True, check=False)


def test_what_make_install_wrote_fits_java_and_the_jars() -> None:
    found = run(f"-XX:SharedArchiveFile={kafka.CLASSES}", "on")
    advice = f"Kafka starts more slowly than it could: remove {kafka.CLASSES} and run `make install`."
    assert found.returncode == 0, f"{advice} {found.stdout}{found.stderr}"


@pytest.mark.parametrize("content", [None, b"", b"no archive" * 1000])
def test_without_a_fitting_one_everything_works(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "kafka.jsa"
    if content is not None:
        path.write_bytes(content)
    found = run(f"-XX:SharedArchiveFile={path}")
    assert found.returncode == 0
    assert len(found.stdout.strip()) == 22
