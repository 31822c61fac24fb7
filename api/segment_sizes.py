"""How many people are in segments, now or as it had been published at some time."""

from collections.abc import Sequence

from fastapi import Request

from api.clickhouse import ClickHouse
from api.delivery import cursor as places
from api.periods import instant
from schemas.times import to_millis

_NOW = "SELECT segment_id, count() FROM segment_membership WHERE segment_id IN {ids:Array(String)} GROUP BY segment_id"
# The change stream folded up to a place, as `GET …/members?as_of=` folds it.
_THEN = """\
SELECT segment_id, countIf(member) FROM
(
    SELECT segment_id, profile_id, argMax(change, sequence) = 'entered' AS member
    FROM segment_changes
    WHERE segment_id IN {ids:Array(String)}
        AND offset < transform(partition, {partitions:Array(UInt32)}, {ends:Array(UInt64)}, 0)
    GROUP BY segment_id, profile_id
)
GROUP BY segment_id"""


async def sizes(request: Request, ids: Sequence[str], as_of: str | None) -> dict[str, int]:
    """Return the number of members of those of these segments that have any. Raises `Problem` for a bad `as_of`."""
    clickhouse: ClickHouse = request.app.state.clickhouse
    if as_of is None:
        rows = await clickhouse.rows(_NOW, {"ids": list(ids)})
    else:
        until = await places.published(clickhouse, to_millis(instant(request, "as_of", as_of, 0)))
        positions = places.positions_of(until)
        known = {"ids": list(ids), "partitions": list(positions), "ends": list(positions.values())}
        rows = await clickhouse.rows(_THEN, known)
    return {id_: int(count) for id_, count in rows}
