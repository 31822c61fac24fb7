"""Why a person is in a segment or not, from the archive: the stream's own closures over the person's events."""

import asyncio
from collections.abc import Mapping
from typing import Any

from api.clickhouse import ClickHouse
from api.definitions import Known
from processors.segments.clauses import references_of
from processors.segments.compile import Compiled, compile_set
from processors.segments.evaluate import observe
from processors.segments.explain import explain
from processors.segments.windows import History
from schemas.codec import loads
from schemas.times import EARLIEST, to_millis

# A person with more events gets an explanation that names no event for a field of the profile: folding them anew after
# every event would take too long.
MOST_FOLDED = 2_000
_PIECE = 2_000
_EVENTS = """\
SELECT toUnixTimestamp64Milli(occurred_at), toString(event_id), raw FROM events_of(profile_id = {owner:UUID})
WHERE (occurred_at, event_id) > (fromUnixTimestamp64Milli({time:Int64}), {id:UUID})
    AND ({every:Bool} OR event IN {names:Array(String)})
ORDER BY occurred_at, event_id LIMIT {limit:UInt32}"""
_FIRST = (EARLIEST, "00000000-0000-0000-0000-000000000000")


async def explained(
    clickhouse: ClickHouse, known: Known, segment_id: str, profile: Mapping[str, Any], now: int
) -> dict[str, Any]:
    """Return the explanation (see `processors.segments.explain`) of a person's membership at `now` (ms)."""
    compiled = _with_references(known, segment_id)
    history: History = {}
    events: list[dict[str, Any]] = []
    count, place = 0, _FIRST
    wanted = {"owner": profile["profile_id"], "every": bool(compiled.fields), "names": sorted(compiled.observers)}
    while True:
        rows = await clickhouse.rows(_EVENTS, {**wanted, "time": place[0], "id": place[1], "limit": _PIECE})
        piece = [loads(raw) for _, _, raw in rows]
        count += len(piece)
        few = count <= MOST_FOLDED
        events = events + piece if few else []
        for event in piece:
            # Of few events all are kept, so that every `since` is exact; of many, what later instants need.
            observe(compiled, history, event, to_millis(event["occurred_at"]), EARLIEST if few else now)
        if len(rows) < _PIECE:
            break
        place = (int(rows[-1][0]), rows[-1][1])
    return await asyncio.to_thread(explain, compiled, segment_id, profile, history, now, events)


def _with_references(known: Known, segment_id: str) -> Compiled:
    """Return the compiled segment with all that it refers to."""
    needed: dict[str, Any] = {}
    pending = [segment_id]
    while pending:
        id_ = pending.pop()
        stored = known.get(id_)
        if id_ not in needed and stored is not None and stored.definition is not None:
            needed[id_] = (stored.version, stored.definition)
            pending += references_of(stored.definition.where)
    return compile_set(needed)
