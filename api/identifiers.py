"""All identifiers of a person, page by page: what a profile lists, and the slices that it leaves out."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.clickhouse import ClickHouse
from schemas.identifier import PLACE
from schemas.times import EARLIEST, LATEST, to_iso

# The strongest first, as in a profile; of one identifier the slices in order of time.
_PAGE = """\
SELECT place, type, value, start, end, first, last FROM
(
    SELECT
        transform(splitByChar(':', type)[1], {families:Array(String)}, {places:Array(UInt8)}, toUInt8(255)) AS place,
        toString(type) AS type, value,
        toUnixTimestamp64Milli(valid_from) AS start, toUnixTimestamp64Milli(valid_to) AS end
    FROM identity
    WHERE seed IN (SELECT seed FROM identity_candidates WHERE profile_id = {owner:UUID})
        AND profile_id = {owner:UUID} AND NOT startsWith(type, 'order:')
) AS slices
LEFT JOIN
(
    SELECT
        carried.1 AS type, carried.2 AS value,
        toUnixTimestamp64Milli(min(occurred_at)) AS first, toUnixTimestamp64Milli(max(occurred_at)) AS last
    FROM events_of(profile_id = {owner:UUID}) ARRAY JOIN identifiers AS carried
    GROUP BY type, value
) AS seen USING (type, value)
WHERE (place, type, value, start) > ({place:Int32}, {type:String}, {value:String}, {start:Int64})
ORDER BY place, type, value, start LIMIT {limit:UInt32}"""
_FAMILIES = sorted(PLACE, key=lambda family: PLACE[family])

Cursor = tuple[int, str, str, int]
BEGINNING: Cursor = (-1, "", "", -(1 << 62))


async def identifiers_of(
    clickhouse: ClickHouse, profile: Mapping[str, Any], after: Cursor, limit: int
) -> tuple[list[dict[str, Any]], Cursor | None]:
    """Return up to `limit` identifiers of a published profile behind `after`, and where the next page begins.

    Items are as in the profile. A person whom no evidence names is known by one identifier, which the profile lists.
    """
    place, type_, value, start = after
    parameters = {
        "owner": profile["profile_id"],
        "families": _FAMILIES,
        "places": list(range(len(_FAMILIES))),
        "place": place,
        "type": type_,
        "value": value,
        "start": start,
        "limit": limit,
    }
    rows: Sequence[Sequence[Any]] = await clickhouse.rows(_PAGE, parameters)
    if not rows and after == BEGINNING:
        return list(profile["identifiers"]), None
    last = rows[-1] if len(rows) == limit else None
    return [_item(row) for row in rows], None if last is None else (int(last[0]), last[1], last[2], int(last[3]))


def _item(row: Sequence[Any]) -> dict[str, Any]:
    _, type_, value, start, end, first, last = row
    item = {"type": type_, "value": value, "first_seen": None, "last_seen": None}
    if int(last):
        item |= {"first_seen": to_iso(int(first)), "last_seen": to_iso(int(last))}
    if type_ in ("anonymous_id", "device_id"):
        start, end = int(start), int(end)
        item |= {"from": None if start <= EARLIEST else to_iso(start), "to": None if end >= LATEST else to_iso(end)}
    return item
