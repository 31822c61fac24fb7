"""What a finished erasure reports: per store what is gone, and what is masked until the store itself lets go of it."""

from collections.abc import Mapping
from typing import Final

from schemas.privacy import StoreReport
from schemas.times import to_iso
from schemas.topics import SPECS

# Topics that say who somebody is and forget nothing before their retention ends; Kith reads them through the masks.
_LOGS: Final = (
    "events.web",
    "events.order",
    "events.chat",
    "events.social",
    "events.rejected",
    "identity.evidence",
    "identity.decisions",
    "profiles.inbox",
    "segments.changes",
)
# Compacted: a tombstone is the newest state, older ones go when the broker compacts.
_STATES: Final = (
    "identity.assignments",
    "profiles.changelog",
    "orders.changelog",
    "state.partitions",
    "state.identity",
)


def report_of(removed: Mapping[str, int], at: str, now: int) -> list[StoreReport]:
    """Return the report; `removed` is how many rows went by table of ClickHouse, `now` (ms) is `at`."""
    report: list[StoreReport] = [
        {"store": f"clickhouse.{table}", "state": "gone", "removed": count, "at": at}
        for table, count in sorted(removed.items())
    ]
    report += [{"store": store, "state": "gone", "at": at} for store in ("worker.state", "api")]
    report += [{"store": f"topic.{name}", "state": "gone", "at": at} for name in _STATES]
    retention = {spec.name: spec.retention_ms for spec in SPECS}
    for name in _LOGS:
        masked: StoreReport = {"store": f"topic.{name}", "state": "masked", "at": at}
        kept = retention[name]
        if kept is not None:
            masked["until"] = to_iso(now + kept)
        report.append(masked)
    return report
