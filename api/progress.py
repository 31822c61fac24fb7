"""How far definitions have been applied to everybody, as the workers report it."""

from collections.abc import Sequence

from api.clickhouse import ClickHouse

_PROGRESS = """\
SELECT segment_id, version, count() / max(partitions) FROM progress_states FINAL
WHERE segment_id IN {ids:Array(String)} GROUP BY segment_id, version"""


async def progress_of(clickhouse: ClickHouse, ids: Sequence[str]) -> dict[tuple[str, int], float]:
    """Return by segment and version the share of the workers' partitions that have applied it, 0 to 1."""
    rows = await clickhouse.rows(_PROGRESS, {"ids": list(ids)})
    return {(id_, int(version)): min(1.0, float(share)) for id_, version, share in rows}


async def live_versions(clickhouse: ClickHouse, ids: Sequence[str]) -> dict[str, int]:
    """Return by segment the version that everybody was looked at with, if they all were with the same."""
    found = await progress_of(clickhouse, ids)
    return {id_: version for (id_, version), share in found.items() if share >= 1}
