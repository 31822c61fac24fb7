"""The demo's sources: entries of the sources file, with random write keys, added where they are missing."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from deploy.local.sample_shop import CHANNEL_OF
from deploy.local.sending import Collector
from deploy.local.source_editing import SourceEditor, new_secret
from deploy.local.source_entry import Wanted, entry_of
from schemas.errors import KithError

CLICKSTREAM = "demo-clickstream"
NAMES = (CLICKSTREAM, *CHANNEL_OF)
# The collector looks at its sources every second.
PATIENCE_S = 15.0


def add_sources(path: Path) -> None:
    """Add what is missing to the sources file at `path`, which is created (mode 600) if it is not there.

    Everything else in it stays as it is. Raises `KithError` when the file is wrong.
    """
    editor = SourceEditor(path)
    known = editor.sources()
    editor.add({name: _entry(name) for name in NAMES if name not in known})


def _entry(name: str) -> dict[str, Any]:
    wanted = Wanted("tracking", channel=CHANNEL_OF.get(name, ""))
    return entry_of(wanted, partial(new_secret, wanted.kind))[0]


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
