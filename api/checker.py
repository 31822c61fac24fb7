"""The continuous comparison of the two engines: now and then some people, in some segments, as metrics.

A round reads a hundred people by their key and costs ClickHouse some tens of milliseconds.
"""

import asyncio
import random
import uuid
from contextlib import suppress

import structlog

from api.clickhouse import ClickHouse, ClickHouseError
from api.definitions import Definitions, living
from api.progress import live_versions
from api.verification import clauses_behind, differing
from schemas.errors import Problem
from schemas.metrics import counter, gauge
from schemas.settings import Settings

log = structlog.get_logger(__name__)

PEOPLE = 100
SEGMENTS = 20
_PEOPLE = """\
SELECT DISTINCT toString(profile_id) FROM profile_states
WHERE profile_id >= {start:UUID} ORDER BY profile_id LIMIT {limit:UInt32}"""


class Checker:
    """Compares every `KITH_SEGMENT_CHECK_S` seconds; 0 never."""

    def __init__(self, settings: Settings, clickhouse: ClickHouse, definitions: Definitions) -> None:
        self._every_s = settings.segment_check_s
        self._clickhouse = clickhouse
        self._definitions = definitions
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, unless it is switched off."""
        if self._every_s:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            # Processes that started together do not ask together.
            await asyncio.sleep(self._every_s * random.uniform(0.5, 1.5))
            try:
                await self.round()
            except (ClickHouseError, Problem) as error:
                log.warning("segments not compared", error=type(error).__name__)
            except Exception:
                log.exception("segments not compared")

    async def round(self) -> int:
        """Compare a sample, count it, and return how many differ."""
        known = await self._definitions.known()
        applied = await live_versions(self._clickhouse, list(living(known)))
        live = [id_ for id_, stored in living(known).items() if applied.get(id_) == stored.version]
        ids = sorted(random.sample(live, min(SEGMENTS, len(live))))
        start = str(uuid.UUID(int=random.getrandbits(128)))
        rows = await self._clickhouse.rows(_PEOPLE, {"start": start, "limit": PEOPLE})
        if not ids or not rows:
            return 0
        people = [profile_id for (profile_id,) in rows]
        found = await differing(self._clickhouse, known, ids, people)
        counter("kith_api_segment_pairs_checked_total").inc(len(people) * len(ids))
        counter("kith_api_segment_pairs_different_total").inc(len(found))
        gauge("kith_api_segment_differences").set(len(found))
        for each in found[:5]:
            clauses = await clauses_behind(self._clickhouse, known, each)
            log.error(
                "stream and SQL differ",
                segment=each.segment_id,
                profile_id=each.profile_id,
                in_sql=each.in_sql,
                in_stream=each.in_stream,
                clauses=clauses,
            )
        return len(found)
