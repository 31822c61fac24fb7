"""Dead letters as ClickHouse has them: each once however often it came, newest first, with what became of it."""

from dataclasses import dataclass
from typing import Any, Final

from api import pagination
from api.clickhouse import ClickHouse
from schemas.times import LATEST, to_iso

# A letter that came again has more than one row: the newest stands. Only the page's payloads are read.
_PAGE: Final = """\
SELECT id, source, reason, message, toUnixTimestamp64Milli(at), payload FROM dead_letters
WHERE (at, id) IN (
    SELECT max(at) AS newest, id FROM dead_letters
    WHERE ({source:String} = '' OR source = {source:String})
        AND ({reason:String} = '' OR reason = {reason:String})
        AND ({state:String} = '' OR (id IN (SELECT id FROM dead_letter_replays WHERE outcome = 'accepted'))
            = ({state:String} = 'accepted'))
    GROUP BY id
    HAVING newest >= fromUnixTimestamp64Milli({from:Int64}) AND newest < fromUnixTimestamp64Milli({to:Int64})
        AND (newest, id) < (fromUnixTimestamp64Milli({time:Int64}), {id:String})
    ORDER BY newest DESC, id DESC LIMIT {limit:UInt32}
)
ORDER BY at DESC, id DESC LIMIT 1 BY id"""
_ONE: Final = """\
SELECT id, source, reason, message, toUnixTimestamp64Milli(at), payload FROM dead_letters
WHERE id = {id:String} ORDER BY at DESC LIMIT 1"""
_REPLAYS: Final = """\
SELECT id, toUnixTimestamp64Milli(at), outcome, event_ids, reason, message, corrected FROM dead_letter_replays
WHERE id IN {ids:Array(String)} ORDER BY at DESC LIMIT {most:UInt32} BY id"""
_END: Final = [LATEST, "\U0010ffff"]
# Replays that one letter shows.
_SHOWN: Final = 20
# What the parts that fail on a record say may quote the record.
_QUOTES: Final = frozenset({"undecodable"})

Letter = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters: empty text means any; times are milliseconds since 1970, `to` exclusive."""

    source: str = ""
    reason: str = ""
    state: str = ""
    from_: int = 0
    to: int = LATEST


async def page(
    clickhouse: ClickHouse, wanted: Wanted, limit: int, cursor: str | None
) -> tuple[list[Letter], str | None]:
    """Return some letters, newest first, and the cursor of what follows. Raises `Problem` for a wrong cursor."""
    time, id_ = pagination.decode(cursor, int, str) if cursor else _END
    parameters = {
        "source": wanted.source,
        "reason": wanted.reason,
        "state": wanted.state,
        "from": wanted.from_,
        "to": wanted.to,
        "time": time,
        "id": id_,
        "limit": limit,
    }
    rows = await clickhouse.rows(_PAGE, parameters)
    letters = await _with_replays(clickhouse, rows, 1)
    following = pagination.encode(int(rows[-1][4]), rows[-1][0]) if len(rows) == limit else None
    return letters, following


async def one(clickhouse: ClickHouse, id_: str) -> Letter | None:
    """Return one letter with all its replays, or None."""
    rows = await clickhouse.rows(_ONE, {"id": id_})
    return next(iter(await _with_replays(clickhouse, rows, _SHOWN)), None)


def without_personal_data(letter: Letter) -> Letter:
    """Return the letter as somebody sees it who may not see personal data: what was sent is null."""
    quoting = letter["reason"] in _QUOTES
    return {**letter, "payload": None, "message": "" if quoting else letter["message"]}


async def _with_replays(clickhouse: ClickHouse, rows: list[list[Any]], most: int) -> list[Letter]:
    if not rows:
        return []
    replays: dict[str, list[dict[str, Any]]] = {}
    for id_, *fields in await clickhouse.rows(_REPLAYS, {"ids": [row[0] for row in rows], "most": most}):
        replays.setdefault(id_, []).append(_replay(fields))
    return [_letter(row, replays.get(row[0], [])) for row in rows]


def _letter(row: list[Any], replays: list[dict[str, Any]]) -> Letter:
    id_, source, reason, message, at, payload = row
    return {
        "id": id_,
        "source": source,
        "reason": reason,
        "message": message,
        "at": to_iso(int(at)),
        "payload": payload,
        "replays": replays,
    }


def _replay(fields: list[Any]) -> dict[str, Any]:
    at, outcome, event_ids, reason, message, corrected = fields
    return {
        "at": to_iso(int(at)),
        "outcome": outcome,
        "event_ids": event_ids,
        "reason": reason or None,
        "message": message,
        "corrected": corrected,
    }
