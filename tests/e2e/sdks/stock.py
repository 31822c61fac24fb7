"""Where the stock SDKs and the browser are; a test that misses one is skipped and says how to get it."""

import shutil
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1] / "node_modules"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def package(name: str) -> Path:
    """Return the folder of an installed npm package."""
    folder = PACKAGES / name
    if not folder.exists():
        pytest.skip(f"{name} is not installed: run `make sdks`")
    return folder


def node() -> str:
    """Return the path of node; the packages are there too."""
    package("@segment/analytics-node")
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed: run `make sdks`, or `apt-get install nodejs npm`")
    return found


def chromium() -> str:
    """Return the path of an installed Chromium."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("Chromium is not installed: run `make sdks`, or `apt-get install chromium`")
    return found
