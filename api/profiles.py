"""Profiles as ClickHouse has them: found by any identifier, answered as they were published, byte for byte."""

from collections.abc import Sequence

from api.clickhouse import ClickHouse
from api.keys import seed_for
from api.privacy import Privacy
from schemas.codec import loads
from schemas.identifier import Identifier

# The profile itself. `user_id` is the strongest type and a person has one, so its seed is the profile's id.
_BY_ID = "SELECT raw FROM profile_states FINAL WHERE profile_id = {seed:UUID} FORMAT TSVRaw"
# The profiles that the seed has ever belonged to, and the one that it is the id of.
_BY_SEED = """\
SELECT raw FROM profile_states FINAL
WHERE profile_id IN (SELECT profile_id FROM identity_slices WHERE seed = {seed:UUID} UNION ALL SELECT {seed:UUID})
FORMAT TSVRaw"""
# Who holds each seed now; of a weak one its latest owner.
_OWNERS = """\
SELECT seed, argMax(profile_id, valid_from) FROM identity WHERE seed IN {seeds:Array(UUID)} GROUP BY seed"""
_BY_IDS = "SELECT profile_id, raw FROM profile_states FINAL WHERE profile_id IN {ids:Array(UUID)} AND NOT deleted"


class Profiles:
    """Reads profiles; those that `privacy` hides are not there."""

    def __init__(self, clickhouse: ClickHouse, privacy: Privacy | None = None) -> None:
        self._clickhouse = clickhouse
        self._privacy = privacy

    async def find(self, identifier: Identifier) -> bytes | None:
        """Return the newest published profile of whoever holds the identifier now, None if nobody does.

        One query in the ordinary case: a single living profile whose newest state lists the seed. Where several do (a
        shared device, a move under way), identity decides.
        """
        if self._privacy is not None and self._privacy.hides(identifier):
            return None
        seed = seed_for(identifier)
        if identifier.type == "user_id" and (found := await self._living(_BY_ID, seed)):
            return self._shown(found[0])
        found = await self._living(_BY_SEED, seed)
        if len(found) == 1:
            return self._shown(found[0])
        return (await self.many([seed]))[0]

    def _shown(self, raw: bytes) -> bytes | None:
        """Return a profile, None while its person is being forgotten."""
        if self._privacy is None or not self._privacy.is_busy:
            return raw
        return None if self.hides(loads(raw)["profile_id"]) else raw

    async def many(self, seeds: Sequence[str]) -> list[bytes | None]:
        """Return the profile of whoever holds each seed now, in the same order."""
        owners = await self.owners(seeds)
        ids = sorted({owners[seed] for seed in seeds})
        rows = await self._clickhouse.rows(_BY_IDS, {"ids": ids})
        raws = {profile_id: raw.encode() for profile_id, raw in rows if not self.hides(profile_id)}
        return [raws.get(owners[seed]) for seed in seeds]

    async def owner(self, identifier: Identifier) -> str:
        """Return the id of the profile that holds the identifier; one that was never seen is its own."""
        seed = seed_for(identifier)
        return (await self.owners([seed]))[seed]

    def hides(self, profile_id: str) -> bool:
        """Tell whether this profile is being forgotten, and is in no answer."""
        return self._privacy is not None and self._privacy.hides_profile(profile_id)

    async def owners(self, seeds: Sequence[str]) -> dict[str, str]:
        """Return the profile id by seed."""
        rows = await self._clickhouse.rows(_OWNERS, {"seeds": sorted(set(seeds))})
        return dict(zip(seeds, seeds, strict=True)) | dict(rows)

    async def _living(self, sql: str, seed: str) -> list[bytes]:
        """Return the profiles that have not ceased and whose newest state lists the seed."""
        body = await self._clickhouse.fetch(sql, {"seed": seed})
        # One line a profile: JSON escapes line ends. A profile that ceased is an empty line.
        listed = seed.encode()
        return [raw for raw in body.split(b"\n") if listed in raw]
