"""What an operator sees of a privacy request: how far it is, and its report."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deploy.local.operator_api import OperatorApi

_POLL_S = 0.2


def wait_for(
    api: OperatorApi,
    request_id: str,
    seconds: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Return the request once it is finished, or as it is after so many seconds."""
    deadline = now() + seconds
    while True:
        found: dict[str, Any] = api.get(f"/v1/privacy/requests/{request_id}")
        if found["state"] == "finished" or now() >= deadline:
            return found
        sleep(_POLL_S)


def describe(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that tell a person about a request."""
    if found["state"] != "finished":
        yield f"Not finished yet ({found['state']}): `kith privacy status {found['request_id']}` says more later."
        return
    yield f"Finished at {found['finished_at']}; it covers what was received up to {found['at']}."
    for store in found["report"]:
        removed = "" if store["removed"] is None else f"  {store['removed']:>8,} rows"
        until = ""
        if store["state"] == "masked":
            until = f"  until {store['until']}" if store["until"] else "  as long as the topic keeps it"
        yield f"  {store['state']:<6}  {store['store']:<32}{removed}{until}"
