"""What this machine must have, each missing part with the one command that gets it.

Runs before anything is installed (`make`, with any Python 3) and as `kith doctor`; therefore it uses the standard
library only, and no syntax newer than Python 3.8, so that an old interpreter can say that it is too old.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from typing import Callable, Iterable, NamedTuple  # noqa: UP035 - see above: also read by older interpreters

OLDEST_PYTHON = (3, 11)
OLDEST_JAVA = 17
# Packages, jars and Maven's own cache take 2.5 GB; an empty stack's logs and stores well under 1 GB.
SET_UP_BYTES = 4 << 30
RUN_BYTES = 1 << 30


class Finding(NamedTuple):
    """The answer to one check: `advice` is what to do when it is not `ok`; a missing `optional` part stops nothing."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    optional: bool = False


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Check the interpreter that runs this."""
    found = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        how = get("python3 python3-venv", "python@3.12")
        return Finding("Python", False, found, "Python 3.11 or newer is needed: " + how)
    return Finding("Python", True, found)


def check_venv() -> Finding:
    """Check that this interpreter can make a virtual environment (Debian ships that apart)."""
    try:
        import ensurepip  # noqa: F401 - the import is the check
        import venv  # noqa: F401
    except ImportError:
        return Finding("venv", False, "missing", "Python's venv is missing: " + get("python3-venv", "python@3.12"))
    return Finding("venv", True, "there")


def check_java(banner: str | None) -> Finding:
    """Check the Java runtime by what `java -version` prints; None when there is no such command."""
    how = get("openjdk-17-jre-headless", "openjdk@17")
    if banner is None:
        return Finding("Java", False, "missing", "Java 17 or newer runs Kafka: " + how)
    match = re.search(r'version "(?:1\.)?(\d+)', banner)
    if match is None:
        return Finding("Java", False, "does not start", "`java -version` fails; Java 17 or newer runs Kafka: " + how)
    if int(match.group(1)) < OLDEST_JAVA:
        return Finding("Java", False, match.group(1), "Java 17 or newer runs Kafka; `java` is older: " + how)
    return Finding("Java", True, match.group(1))


def check_maven(path: str | None) -> Finding:
    """Check that Maven is there, which fetches Kafka's jars."""
    if path is None:
        return Finding("Maven", False, "missing", "Maven fetches Kafka's jars: " + get("maven", "maven"))
    return Finding("Maven", True, path)


def check_disk(folder: str, needed: int) -> Finding:
    """Check the free space where `folder` is, or will be."""
    there = os.path.abspath(folder)
    while not os.path.exists(there):
        there = os.path.dirname(there)
    free = shutil.disk_usage(there).free
    detail = f"{free / (1 << 30):.1f} GB free at {there}"
    if free < needed:
        advice = f"At least {needed >> 30} GB must be free at {there}: remove something there"
        return Finding("disk", False, detail, advice + ", or set KITH_DATA_DIR to a folder on a larger disk.")
    return Finding("disk", True, detail)


def check_port(name: str, host: str, port: int, variable: str) -> Finding:
    """Check that `port` can be listened on; 0 always can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Finding(
                f"port {port}",
                False,
                f"{error.strerror} ({name})",
                f"Port {port} of {name} cannot be used ({error.strerror}): stop what uses it "
                f"(`ss -ltnp 'sport = :{port}'` names it) or set {variable} to another; 0 picks a free one.",
            )
    return Finding(f"port {port}", True, f"free for {name}")


def check_optional(name: str, commands: Iterable[str], purpose: str, package: str) -> Finding:
    """Check for a program that only some tests need."""
    path = next((found for command in commands if (found := shutil.which(command))), None)
    if path is None:
        return Finding(name, False, "missing", f"{purpose}: run `make sdks`, or {get(package, package)}", optional=True)
    return Finding(name, True, path, optional=True)


def java_banner() -> str | None:
    """Return what `java -version` prints, or None when there is no `java`."""
    java = shutil.which("java")
    if java is None:
        return None
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stderr + run.stdout


def get(apt: str, brew: str) -> str:
    """Return the command that installs a package on this system."""
    if shutil.which("apt-get"):
        sudo = "" if os.geteuid() == 0 else "sudo "
        return f"run `{sudo}apt-get update && {sudo}apt-get install -y {apt}`."
    if shutil.which("brew"):
        return f"run `brew install {brew}`."
    return f"install your system's package for {apt.split()[0]}."


def set_up_findings(folder: str = ".") -> list[Finding]:
    """Return what `make install` needs."""
    checks: list[Callable[[], Finding]] = [check_python, check_venv, lambda: check_disk(folder, SET_UP_BYTES)]
    if not os.environ.get("KITH_KAFKA_BOOTSTRAP"):
        checks += [lambda: check_java(java_banner()), lambda: check_maven(shutil.which("mvn"))]
    return [check() for check in checks]


def test_findings() -> list[Finding]:
    """Return what the tests with stock SDKs need besides; without it they are skipped, visibly."""
    return [
        check_optional("Node", ["node"], "The tests with Node SDKs need Node 18 or newer", "nodejs"),
        check_optional("npm", ["npm"], "The tests with Node SDKs need npm", "npm"),
        check_optional(
            "Chromium",
            ["chromium", "chromium-browser", "google-chrome"],
            "The tests with browser SDKs need Chromium",
            "chromium",
        ),
    ]


def report(findings: list[Finding]) -> list[str]:
    """Return one line per finding, and the advice below what is missing."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        mark = "ok" if finding.ok else "optional" if finding.optional else "MISSING"
        lines.append(f"{mark:>8}  {finding.name:<{width}}  {finding.detail}")
        if not finding.ok:
            lines.append(f"{'':>8}  {'':<{width}}  {finding.advice}")
    return lines


def main(arguments: list[str]) -> int:
    """Report what is there; with `--set-up` say only what `make install` misses. Return the exit code."""
    quiet = "--set-up" in arguments
    findings = set_up_findings()
    missing = [finding for finding in findings if not (finding.ok or finding.optional)]
    if quiet:
        for finding in missing:
            print(f"{finding.advice}", file=sys.stderr)
    else:
        print("\n".join(report(findings + test_findings())))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
