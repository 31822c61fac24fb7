"""What the demo shows: asked of the API and, through it, of ClickHouse. Nothing here knows what was sent."""

from dataclasses import dataclass
from typing import Any

from deploy.local.demo_client import Api

FUNNEL = ("Product Viewed", "Product Added", "Checkout Started", "Payment Info Entered", "Order Completed")
FUNNEL_WITHIN = "7d"
# The months of the clickstream.
FUNNEL_FROM, FUNNEL_TO = "2024-01-01", "2024-07-01"

_CHANNELS = """\
SELECT source, channel, count(), uniqExact(profile_id)
FROM events_by_profile GROUP BY source, channel ORDER BY source, channel"""

# A person with n identifiers that can join (cookies and devices cannot) is the outcome of n - 1 merges.
_PEOPLE = """\
SELECT count(), countIf(joining > 0), sum(length(identifiers)), sumIf(joining - 1, joining > 1), countIf(joining > 1)
FROM
(
    SELECT identifiers, arrayCount(i -> i.type NOT IN ('anonymous_id', 'device_id'), identifiers) AS joining
    FROM profiles
)"""

_REFUSED = "SELECT a.type || ':' || a.value FROM decisions FINAL WHERE kind = 'refuse' ORDER BY at, decision_id LIMIT 1"

# Whose a device is that several people used, and from when to when.
_SHARED = """\
SELECT slice.type || ':' || slice.value, person.identifiers[1].type || ':' || person.identifiers[1].value,
    if(valid_from < '1901-01-01', '', toString(valid_from)), if(valid_to > '2299-01-01', '', toString(valid_to))
FROM identity AS slice JOIN profiles AS person ON slice.profile_id = person.profile_id
WHERE seed IN
(
    SELECT seed FROM identity GROUP BY seed HAVING uniqExact(profile_id) > 1 ORDER BY count() DESC, seed LIMIT 1
)
ORDER BY valid_from"""

_ORDERS = """\
SELECT store, currency, count(), countIf(status = 'cancelled'),
    toDecimalString(sumIf(total, status != 'cancelled'), 2),
    toDecimalString(sumIf(refunded, status != 'cancelled'), 2)
FROM orders GROUP BY store, currency ORDER BY store, currency"""

_DEAD_LETTERS = "SELECT reason, count() FROM dead_letters FINAL GROUP BY reason ORDER BY reason"


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that the summary shows, as it was answered."""

    channels: list[list[Any]]  # source, channel, events, people
    dead_letters: list[list[Any]]  # reason, how many
    people: int
    known: int  # by more than a cookie
    identifiers: int
    merges: int
    merged: int  # people who came of them
    refusals: list[dict[str, Any]]
    shared: list[list[Any]]  # device, person, from, to
    orders: list[list[Any]]  # store, currency, orders, cancelled, revenue, refunded
    segments: list[dict[str, Any]]
    profile: dict[str, Any]
    links: list[dict[str, Any]]
    funnel: list[dict[str, Any]]


def find(api: Api, key: str) -> Findings:
    """Ask for all of it; `key` (`type:value`) says whose profile is shown. Raises `KithError`."""
    people, known, identifiers, merges, merged = api.rows(_PEOPLE)[0]
    refused = api.rows(_REFUSED)
    return Findings(
        channels=api.rows(_CHANNELS),
        dead_letters=api.rows(_DEAD_LETTERS),
        people=people,
        known=known,
        identifiers=identifiers,
        merges=merges,
        merged=merged,
        refusals=api.explain(refused[0][0])["refusals"] if refused else [],
        shared=api.rows(_SHARED),
        orders=api.rows(_ORDERS),
        segments=api.segments(),
        profile=api.profile(key),
        links=api.explain(key)["links"],
        funnel=api.funnel(FUNNEL, FUNNEL_WITHIN, FUNNEL_FROM, FUNNEL_TO),
    )
