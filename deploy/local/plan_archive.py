"""The archive's events of a source, as plans are proposed from them and held against them; bounded memory."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from clickhouse_connect.driver.exceptions import Error as ClickHouseError

from ingest.plan import Plan
from projections.clickhouse import connect
from schemas.codec import loads
from schemas.errors import KithError
from schemas.settings import Settings

_SAMPLE = """\
SELECT raw FROM events WHERE source = {source:String}
ORDER BY received_at DESC, event_id LIMIT {each:UInt32} BY type, event LIMIT {most:UInt32}"""
MOST = 200_000

Broken = Counter[tuple[str, str, str]]


def archived(settings: Settings, source: str, each: int) -> Iterator[dict[str, Any]]:
    """Yield the newest archived events of a source, at most `each` of a name and `MOST` in all.

    Raises `KithError` when ClickHouse does not answer.
    """
    try:
        client = connect(settings, settings.clickhouse_database)
    except ClickHouseError as error:
        raise KithError("ClickHouse does not answer: see `kith status`, or start the stack with `kith up`.") from error
    try:
        parameters = {"source": source, "each": each, "most": MOST}
        with client.query_row_block_stream(_SAMPLE, parameters=parameters) as blocks:
            for block in blocks:
                for (raw,) in block:
                    yield loads(raw)
    finally:
        client.close()


def broken_by(plan: Plan, events: Iterator[Mapping[str, Any]]) -> tuple[int, int, Broken]:
    """Return how many events there were, how many break the plan, and how often which field is why."""
    seen = bad = 0
    why: Broken = Counter()
    for event in events:
        seen += 1
        violations = plan.violations(event)
        bad += bool(violations)
        why.update((event["event"] or event["type"], fault.path, fault.message) for fault in violations)
    return seen, bad, why
