"""The demo's sources: entries of the sources file, with random write keys, added where they are missing."""

import os
import secrets
import time
from pathlib import Path
from typing import Any

import httpx2
import yaml

from deploy.local.sample_shop import CHANNEL_OF
from deploy.local.sending import Collector
from schemas.errors import KithError
from schemas.source import parse_sources

CLICKSTREAM = "demo-clickstream"
NAMES = (CLICKSTREAM, *CHANNEL_OF)
# The collector looks at its sources every second.
PATIENCE_S = 15.0


def add_sources(path: Path) -> None:
    """Add what is missing to the sources file at `path`, which is created (mode 600) if it is not there.

    Everything else in it stays, its leading comments included. Raises `KithError` when the file is wrong.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = parse_sources(text)
    if all(name in known for name in NAMES):
        return
    document: dict[str, Any] = yaml.safe_load(text) or {}
    entries = document.setdefault("sources", {}) or {}
    for name in NAMES:
        entry = {"kind": "tracking", "write_keys": [f"wk_{secrets.token_hex(16)}"]}
        if channel := CHANNEL_OF.get(name):
            entry["channel"] = channel
        entries.setdefault(name, entry)
    comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(comments + yaml.safe_dump({**document, "sources": entries}, sort_keys=False))
    draft.replace(path)


def wait_for_source(collector: Collector) -> None:
    """Return once the collector knows the source. Raises `KithError` when it does not within some seconds."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = httpx2.post(
            f"{collector.url}/v1/batch", auth=(collector.write_key, ""), json={"batch": []}, trust_env=False
        )
        if answer.status_code == 200:
            return
        if time.monotonic() > deadline:
            raise KithError("The collector does not take up the demo's sources: see `kith logs collector`.")
        time.sleep(0.1)
