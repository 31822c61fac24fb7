"""What the demo shows: asked of the API and, through it, of ClickHouse. Nothing here knows what was sent."""

from dataclasses import dataclass
from typing import Any

from deploy.local.demo_client import Api
from deploy.local.demo_sources import CLICKSTREAM

FUNNEL = ("Product Viewed", "Product Added", "Checkout Started", "Payment Info Entered", "Order Completed")
FUNNEL_DAYS = 7

_CHANNELS = """\
SELECT source, channel, count() AS events, uniqExact(profile_id) AS people
FROM events_by_profile GROUP BY source, channel ORDER BY source, channel"""

_PEOPLE = """\
SELECT count() AS people,
    countIf(arrayExists(i -> i.type NOT IN ('anonymous_id', 'device_id'), identifiers)) AS known,
    sum(length(identifiers)) AS listed
FROM profiles"""

_MERGED = """\
SELECT count(), sum(strong) FROM
(
    SELECT profile_id, count() AS strong FROM identity
    WHERE type NOT IN ('anonymous_id', 'device_id') AND NOT startsWith(type, 'order:')
    GROUP BY profile_id HAVING strong > 1
)"""

_REFUSALS = """\
SELECT a.type || ':' || a.value, b.type || ':' || b.value, rule, message, length(event_ids)
FROM decisions FINAL WHERE kind = 'refuse' ORDER BY at, decision_id LIMIT 5"""

_SHARED = """\
SELECT type || ':' || value AS identifier, toString(profile_id),
    if(valid_from < '1901-01-01', '', toString(valid_from)), if(valid_to > '2299-01-01', '', toString(valid_to))
FROM identity
WHERE seed IN
(
    SELECT seed FROM identity GROUP BY seed HAVING uniqExact(profile_id) > 1 ORDER BY count() DESC, seed LIMIT 1
)
ORDER BY valid_from"""

_REVENUE = """\
SELECT store, currency, count(), countIf(status = 'cancelled'), toString(sumIf(total, status != 'cancelled')),
    toString(sumIf(refunded, status != 'cancelled'))
FROM orders WHERE total > 0 GROUP BY store, currency ORDER BY store, currency"""

_DEAD_LETTERS = "SELECT reason, count() FROM dead_letters FINAL GROUP BY reason ORDER BY reason"

FUNNEL_SQL = """\
SELECT step, countIf(level >= step) AS people FROM
(
    SELECT profile_id, windowFunnel({window_ms:UInt64})(toUInt64(toUnixTimestamp64Milli(occurred_at)), %s) AS level
    FROM events_by_profile WHERE source = {source:String} GROUP BY profile_id
)
ARRAY JOIN range(1, {steps:UInt8} + 1) AS step GROUP BY step ORDER BY step"""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that the summary shows, as it was answered."""

    channels: list[list[Any]]
    people: int
    known: int
    identifiers: int
    merged: int
    merged_identifiers: int
    refusals: list[list[Any]]
    shared: list[list[Any]]
    revenue: list[list[Any]]
    dead_letters: list[list[Any]]
    segments: list[dict[str, Any]]
    profile: dict[str, Any]
    funnel: list[tuple[str, int]]


def find(api: Api, key: str) -> Findings:
    """Ask for all of it; `key` (`type:value`) says whose profile is shown. Raises `KithError`."""
    people, known, identifiers = api.rows(_PEOPLE)[0]
    merged, merged_identifiers = api.rows(_MERGED)[0]
    return Findings(
        channels=api.rows(_CHANNELS),
        people=people,
        known=known,
        identifiers=identifiers,
        merged=merged,
        merged_identifiers=merged_identifiers,
        refusals=api.rows(_REFUSALS),
        shared=api.rows(_SHARED),
        revenue=api.rows(_REVENUE),
        dead_letters=api.rows(_DEAD_LETTERS),
        segments=api.segments(),
        profile=api.profile(key),
        funnel=funnel(api),
    )


def funnel(api: Api) -> list[tuple[str, int]]:
    """Return how many people of the clickstream came how far within a week of their first step, in this order."""
    conditions = ", ".join(f"event = {{step{number}:String}}" for number in range(len(FUNNEL)))
    rows = api.rows(
        FUNNEL_SQL % conditions,
        window_ms=FUNNEL_DAYS * 86_400_000,
        source=CLICKSTREAM,
        steps=len(FUNNEL),
        **{f"step{number}": event for number, event in enumerate(FUNNEL)},
    )
    reached = {int(step): int(people) for step, people in rows}
    return [(event, reached.get(number, 0)) for number, event in enumerate(FUNNEL, 1)]
