"""Places in the stream of segment changes: how far each partition was read, as one short text."""

import re
from collections.abc import Mapping

from api.clickhouse import ClickHouse
from schemas.errors import Problem

BEGINNING = "beginning"
Positions = dict[int, int]  # partition: offset of the next change; a partition that is missing is at its beginning

_TEXT = re.compile(r"[0-9]{1,6}-[0-9]{1,19}(?:_[0-9]{1,6}-[0-9]{1,19})*")
_PROJECTED = "SELECT partition, max(offset) + 1 FROM segment_changes GROUP BY partition"
_PUBLISHED = """\
SELECT partition, ifNull(
    minOrNullIf(offset, published_at > fromUnixTimestamp64Milli({until:Int64})), max(offset) + 1)
FROM segment_changes GROUP BY partition"""


def text_of(positions: Mapping[int, int]) -> str:
    """Return the cursor of these positions: `0-12_1-7`."""
    return "_".join(f"{partition}-{offset}" for partition, offset in sorted(positions.items())) or BEGINNING


def positions_of(cursor: str) -> Positions:
    """Return the positions of a cursor. Raises `Problem` (invalid-cursor) for any other text."""
    if cursor == BEGINNING:
        return {}
    if _TEXT.fullmatch(cursor) is None:
        raise Problem("invalid-cursor", "Pass the `id` of an event, `after` of a list of members, or `beginning`.")
    parts = (part.split("-") for part in cursor.split("_"))
    return {int(partition): int(offset) for partition, offset in parts}


async def published(clickhouse: ClickHouse, until: int) -> str:
    """Return the cursor after everything that had been published at `until` (ms), as far as ClickHouse has it.

    A partition is cut before its first later change: clocks that were set back make no gap.
    """
    rows = await clickhouse.rows(_PUBLISHED, {"until": until})
    return text_of({int(partition): int(offset) for partition, offset in rows})


async def projected(clickhouse: ClickHouse) -> str:
    """Return the cursor after everything that ClickHouse has."""
    rows = await clickhouse.rows(_PROJECTED)
    return text_of({int(partition): int(offset) for partition, offset in rows})
