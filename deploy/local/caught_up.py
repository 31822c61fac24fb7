"""Waiting until everything that the log holds now, and everything that follows from it, has been processed.

One round: take the ends of all topics, then wait until every reader has committed at least that. What one round leads
to (an event → evidence → an assignment → a fragment in the inbox → a profile → a segment change → ClickHouse) lies
before the ends of the next, so as many rounds as the longest such chain cover everything. A reader commits its input's
position in the same transaction as the records that follow from it; therefore two equal snapshots in a row, both fully
committed, mean that nothing is on its way, and the remaining rounds are left out.
"""

import time
from collections.abc import Callable

from deploy.local.lag import Ends, Lag, Positions
from deploy.local.open_requests import open_requests
from schemas.settings import Settings

# event → order's unit → customer's seed → evidence → assignment → old owner → new owner → profile → ClickHouse.
LONGEST_CHAIN = 9
POLL_S = 0.02
LONGEST_POLL_S = 0.25


def wait_until_caught_up(settings: Settings, timeout_s: float) -> list[Lag]:
    """Return the rows that still lag after `timeout_s`; none when everything has gone all the way.

    A privacy request has gone all the way when it is finished. Raises `KithError` when Kafka does not answer.
    """
    deadline = time.monotonic() + timeout_s
    with Positions(settings) as positions:
        while True:
            left = deadline - time.monotonic()
            missing = rounds(positions.ends, positions.lag, time.monotonic, time.sleep, left)
            unfinished = open_requests(settings)
            if missing or not unfinished:
                return missing
            if time.monotonic() >= deadline:
                return [{"stage": "erasure", "topic": settings.topics.privacy, "partition": 0, "behind": unfinished}]
            time.sleep(LONGEST_POLL_S)


def rounds(
    ends: Callable[[], Ends],
    lag: Callable[[Ends], list[Lag]],
    now: Callable[[], float],
    sleep: Callable[[float], None],
    timeout_s: float,
) -> list[Lag]:
    """Run the rounds of this module's description with the given clock; return the rows that are behind at the end."""
    deadline = now() + timeout_s
    before: Ends | None = None
    for _ in range(LONGEST_CHAIN):
        snapshot = ends()
        pause = POLL_S
        waited = False
        while missing := [row for row in lag(snapshot) if row["behind"]]:
            if now() >= deadline:
                return missing
            waited = True
            sleep(pause)
            pause = min(LONGEST_POLL_S, pause * 1.5)
        if snapshot == before and not waited:
            break
        before = snapshot
    return []
