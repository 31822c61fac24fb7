"""Whether the stream and SQL name the same people: looked at until only what is truly different is left.

The two are read at slightly different moments, so a person may seem to differ while news is on its way, or while a
window ends. Whoever still differs after several looks does. Nothing is changed here.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.clickhouse import ClickHouse
from api.definitions import Known, definitions
from api.membership import explained
from api.profiles import Profiles
from projections import segment_sql
from schemas.codec import loads
from schemas.identifier import Identifier

# A difference is true if it is still there after so many looks; between them what is on its way arrives.
LOOKS = 5
PAUSE_S = 2.0
# Of more differences than these the rest is only counted.
MOST_SHOWN = 100
_MOST_LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A person whom one engine names and the other does not."""

    profile_id: str
    segment_id: str
    in_sql: bool
    in_stream: bool


async def differing(
    clickhouse: ClickHouse, known: Known, ids: Sequence[str], people: Sequence[str] | None = None
) -> list[Difference]:
    """Return who differs in these segments, of everybody or of `people`, after looking several times.

    Raises `ClickHouseError` or `Problem` when ClickHouse does not answer.
    """
    found = await _look(clickhouse, known, ids, people)
    for _ in range(LOOKS - 1):
        if not found:
            break
        await asyncio.sleep(PAUSE_S)
        again = sorted({each.profile_id for each in found})[:_MOST_LOOKED_AT]
        found &= await _look(clickhouse, known, sorted({each.segment_id for each in found}), again)
    return sorted(found, key=lambda each: (each.segment_id, each.profile_id))


async def _look(
    clickhouse: ClickHouse, known: Known, ids: Sequence[str], people: Sequence[str] | None
) -> set[Difference]:
    statement = segment_sql.differences(definitions(known), list(ids), certain=people is not None)
    parameters: dict[str, Any] = {**statement.parameters, "now": time.time_ns() // 1_000_000}
    if people is not None:
        parameters["people"] = list(people)
    rows = await clickhouse.rows(statement.sql, parameters, statement.settings)
    return {Difference(str(profile), segment, bool(sql), bool(stream)) for profile, segment, sql, stream in rows}


async def clauses_behind(clickhouse: ClickHouse, known: Known, difference: Difference) -> list[str]:
    """Return the places of the clauses that are behind a difference: `where.all[2].not`.

    Those that SQL and the stream's own closures, over the same archive, tell differently; where they agree on all of
    them the stream's state is wrong, and these are the leaves that decide: each by itself, or else all together.
    """
    stored = known[difference.segment_id]
    raw = await Profiles(clickhouse).find(Identifier("profile_id", difference.profile_id))
    if raw is None or stored.definition is None or stored.document is None:
        return ["where"]
    now = time.time_ns() // 1_000_000
    statement = segment_sql.clause_truths(stored.definition.where, definitions(known))
    parameters = {**statement.parameters, "now": now, "people": [difference.profile_id]}
    rows = await clickhouse.rows(statement.sql, parameters, statement.settings)
    holding = set(rows[0][1]) if rows else set()
    tree = (await explained(clickhouse, known, difference.segment_id, loads(raw), now))["where"]
    places = _flat(tree, "where")
    differing = [place for place, (member, leaf) in places.items() if leaf and (place in holding) is not member]
    leaves = [place for place, (_, leaf) in places.items() if leaf]
    return differing or [place for place in leaves if _decides(tree, "where", place)] or leaves


def _children(tree: Mapping[str, Any], place: str) -> list[tuple[Mapping[str, Any], str]]:
    if "not" in tree:
        return [(tree["not"], f"{place}.not")]
    return [
        (part, f"{place}.{kind}[{index}]") for kind in ("all", "any") for index, part in enumerate(tree.get(kind, ()))
    ]


def _flat(tree: Mapping[str, Any], place: str) -> dict[str, tuple[bool, bool]]:
    """Return by place whether each clause is true, and whether it is a leaf."""
    children = _children(tree, place)
    found = {place: (bool(tree["true"]), not children)}
    for child, at in children:
        found |= _flat(child, at)
    return found


def _decides(tree: Mapping[str, Any], place: str, flipped: str) -> bool:
    """Tell whether the whole would be otherwise if the leaf at `flipped` were."""
    return _truth(tree, place, flipped) is not bool(tree["true"])


def _truth(tree: Mapping[str, Any], place: str, flipped: str) -> bool:
    children = _children(tree, place)
    if not children:
        return bool(tree["true"]) is not (place == flipped)
    truths = [_truth(child, at, flipped) for child, at in children]
    if "not" in tree:
        return not truths[0]
    return all(truths) if "all" in tree else any(truths)
