"""Whatever is missing gets a sentence that says what to do."""

import socket
from pathlib import Path

import pytest

from deploy.local import doctor


@pytest.fixture(autouse=True)
def _debian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "apt-get" else None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)


@pytest.mark.parametrize(
    ("banner", "ok", "says"),
    [
        ('openjdk version "17.0.15" 2025-04-15', True, ""),
        ('java version "21.0.1" 2023-10-17 LTS', True, ""),
        ('openjdk version "25" 2025-09-16', True, ""),
        ('java version "1.8.0_392"', False, "older"),
        ('openjdk version "11.0.2" 2019-01-15', False, "older"),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", False, "fails"),
        ("", False, "fails"),
        (None, False, "Java 17 or newer"),
    ],
)
def test_java(banner: str | None, ok: bool, says: str) -> None:
    finding = doctor.check_java(banner)
    assert finding.ok is ok
    assert says in finding.advice
    if not ok:
        assert "sudo apt-get install -y openjdk-17-jre-headless" in finding.advice


def test_python() -> None:
    assert doctor.check_python((3, 11, 0)).ok
    assert doctor.check_python((3, 14, 1)).ok
    old = doctor.check_python((3, 9, 2))
    assert not old.ok
    assert "3.11" in old.advice
    assert "apt-get" in old.advice


def test_maven() -> None:
    assert doctor.check_maven("/usr/bin/mvn").ok
    assert "apt-get install -y maven" in doctor.check_maven(None).advice


def test_disk_names_the_folder_that_exists(tmp_path: Path) -> None:
    finding = doctor.check_disk(str(tmp_path / "not" / "yet"), 1 << 60)
    assert not finding.ok
    assert str(tmp_path) in finding.advice
    assert "KITH_DATA_DIR" in finding.advice
    assert doctor.check_disk(str(tmp_path), 1).ok


def test_busy_port_names_port_owner_and_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = doctor.check_port("the api", "127.0.0.1", port, "KITH_API_PORT")
        assert not finding.ok
        assert f"Port {port} of the api" in finding.advice
        assert "KITH_API_PORT" in finding.advice
    assert doctor.check_port("the api", "127.0.0.1", port, "KITH_API_PORT").ok


def test_no_package_manager_still_says_what_to_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "install your system's package for maven" in doctor.check_maven(None).advice


def test_report_shows_advice_below_what_is_missing() -> None:
    lines = doctor.report([doctor.Finding("Java", True, "17"), doctor.check_maven(None)])
    assert [line.split()[0] for line in lines] == ["ok", "MISSING", "Maven"]
