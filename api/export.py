"""Everything that is held about one person, as one document: what a person may ask for, and a shop has to answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.clickhouse import ClickHouse
from processors.erasure.scrub import needles_of
from processors.profile import consent
from schemas.codec import SCHEMA_VERSION, loads
from schemas.identifier import Identifier
from schemas.times import EARLIEST, LATEST, to_iso, to_millis

_EVENTS = """\
SELECT raw, topic, partition, offset FROM events
WHERE (seed, occurred_at, event_id) IN (SELECT seed, occurred_at, event_id FROM events_of(profile_id = {owner:UUID}))
ORDER BY occurred_at, event_id"""
_ORDERS = "SELECT raw FROM orders_of(profile_id = {owner:UUID}) ORDER BY moment, seed"
_IDENTITY = """\
SELECT type, value, toString(seed), toUnixTimestamp64Milli(valid_from), toUnixTimestamp64Milli(valid_to)
FROM identity WHERE profile_id = {owner:UUID} ORDER BY type, value, valid_from"""
# Under every id that the profile has had: the seeds of its identifiers.
_CHANGES = """\
SELECT raw FROM segment_changes FINAL WHERE profile_id IN {ids:Array(UUID)}
ORDER BY published_at, segment_id, sequence"""
_DECISIONS = """\
SELECT raw FROM decisions FINAL WHERE profile_id IN {ids:Array(UUID)} OR other_profile_id IN {ids:Array(UUID)}
ORDER BY version, decision_id"""
_LETTERS = """\
SELECT id, source, reason, message, toUnixTimestamp64Milli(at), payload FROM dead_letters FINAL
WHERE multiSearchAnyCaseInsensitive(payload, {needles:Array(String)}) ORDER BY at, id"""
# ClickHouse searches for this many texts at once.
_MOST_NEEDLES = 255


async def export_of(clickhouse: ClickHouse, profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is held about the person of a published profile, each part with where it came from.

    `events` are the canonical events with their places in the log; everything else follows from them, but
    `dead_letters`, which were not accepted and mention the person all the same.
    """
    owner = profile["profile_id"]
    parameters = {"owner": owner}
    by_ids = {"ids": [owner, *profile["aliases"]]}
    events = [
        {"event": loads(raw), "log": {"topic": topic, "partition": partition, "offset": offset}}
        for raw, topic, partition, offset in await clickhouse.rows(_EVENTS, parameters)
    ]
    timed = [(each["event"], to_millis(each["event"]["occurred_at"])) for each in events]
    identity = await clickhouse.rows(_IDENTITY, parameters)
    return {
        "schema_version": SCHEMA_VERSION,
        "profile": profile,
        "identifiers": [_interval(row) for row in identity],
        "sources": _sources(events),
        "events": events,
        "orders": [loads(row[0]) for row in await clickhouse.rows(_ORDERS, parameters)],
        "consent_history": consent.history(timed),
        "segment_changes": [loads(row[0]) for row in await clickhouse.rows(_CHANGES, by_ids)],
        "identity_decisions": [loads(row[0]) for row in await clickhouse.rows(_DECISIONS, by_ids)],
        "dead_letters": await _letters(clickhouse, profile),
    }


async def _letters(clickhouse: ClickHouse, profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = (Identifier(each["type"], each["value"]) for each in profile["identifiers"])
    needles = [needle for each in listed for needle in needles_of(each)][:_MOST_NEEDLES]
    if not needles:
        return []
    names = ("id", "source", "reason", "message", "at", "payload")
    rows: Sequence[Sequence[Any]] = await clickhouse.rows(_LETTERS, {"needles": needles})
    return [dict(zip(names, (*row[:4], to_iso(int(row[4])), row[5]), strict=True)) for row in rows]


def _interval(row: Sequence[Any]) -> dict[str, Any]:
    """Return an identifier with the interval in which it is the person's; null: unbounded."""
    type_, value, seed, start, end = row
    start, end = int(start), int(end)
    return {
        "type": type_,
        "value": value,
        "seed": seed,
        "from": None if start <= EARLIEST else to_iso(start),
        "to": None if end >= LATEST else to_iso(end),
    }


def _sources(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how many events each source has sent, and when the first and the last of them were received."""
    found: dict[str, dict[str, Any]] = {}
    for each in events:
        event = each["event"]
        known = found.setdefault(
            event["source"], {"source": event["source"], "events": 0, "first": event["received_at"], "last": ""}
        )
        known["events"] += 1
        known["first"] = min(known["first"], event["received_at"])
        known["last"] = max(known["last"], event["received_at"])
    return [found[name] for name in sorted(found)]
