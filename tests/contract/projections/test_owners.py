"""The dictionaries say whom a seed belongs to as its newest slices do, also where a reload was cut off."""

import random
from typing import Any

import pytest

from projections import owners
from projections.batch import blocks_of
from projections.owners import Owners
from projections.placement import ONE_NODE
from schemas.codec import dumps
from schemas.times import to_iso
from tests.parts.people import KNOWN, TOPICS, Writer, seed
from tests.unit.projections.records import Log, event

DAY = 86_400_000
START = 1_767_225_600_000
CUTS = [START + DAY * n for n in range(1, 5)]
PROBES = [moment for cut in (START, *CUTS) for moment in (cut - 1, cut)]
SEEDS = [seed("anonymous_id", f"a{n}") for n in range(5)]
PROFILES = [seed("user_id", f"u{n}") for n in range(3)]

Slice = tuple[int | None, int | None, str]


class CutOff(Exception):
    """The process ended here."""


class Client:
    """The driver's client, which may end after some statements."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.left: int | None = None

    def query(self, query: str) -> Any:
        return self._client.query(query)

    def command(self, cmd: str) -> Any:
        if self.left == 0:
            raise CutOff
        if self.left is not None:
            self.left -= 1
        return self._client.command(cmd)


class World:
    """The newest slices of each seed, and the same in the tables."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.newest: dict[str, list[Slice]] = {each: [] for each in SEEDS}
        self._offsets = [0, 0]
        writer.put(
            TOPICS.events["web"],
            [event(f"{each} {at}", each, occurred_at=to_iso(at)) for each in SEEDS for at in PROBES],
        )

    def change(self, chance: random.Random) -> int:
        """Cut a seed's time anew, or let it belong to nobody else; return how many slices that wrote."""
        each = chance.choice(SEEDS)
        bounds = [None, *sorted(chance.sample(CUTS, chance.choice([0, 0, 1, 2]))), None]
        new = [
            (bounds[n], bounds[n + 1], chance.choice([*PROFILES, each])) for n in range(len(bounds) - 1)
        ] * chance.choice([0, 1, 1, 1])
        starts = {start for start, _, _ in new}
        ended = [(start, end, None) for start, end, _ in self.newest[each] if start not in starts]
        self.newest[each] = new
        partition = SEEDS.index(each) % 2
        records = []
        for start, end, owner in [*ended, *new]:
            document = {
                "seed": each,
                "type": "anonymous_id",
                "value": "a",
                "from": start,
                "to": end,
                "profile_id": owner,
                "version": self._offsets[partition],
            }
            records.append(Log(TOPICS.assignments, dumps(document), self._offsets[partition], partition))
            self._offsets[partition] += 1
        blocks, refused = blocks_of(records, KNOWN)
        assert not refused
        for block in blocks:
            names, types = block.table.names, block.table.types
            self.writer.client.insert(
                block.table.name, block.columns(), names, column_type_names=types, column_oriented=True
            )
        return len(records)

    def expected(self) -> dict[tuple[str, int], str]:
        """Whom each event belongs to."""
        return {(each, at): self._owner(each, at) for each in SEEDS for at in PROBES}

    def _owner(self, each: str, at: int) -> str:
        for start, end, owner in self.newest[each]:
            if (start is None or start <= at) and (end is None or at < end):
                return owner
        return each

    def found(self) -> dict[tuple[str, int], str]:
        """The same as ClickHouse says it."""
        sql = "SELECT toString(seed), toUnixTimestamp64Milli(occurred_at), toString(profile_id) FROM events_by_profile"
        return {(each, at): owner for each, at, owner in self.writer.client.query(sql).result_rows}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle after a few changes."""
    monkeypatch.setattr(owners, "_LEAST", 4)
    monkeypatch.setattr(owners, "_OF_ROOT", 1)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("number", range(3))
def test_owners_are_those_of_the_newest_slices(writer: Writer, number: int) -> None:
    chance = random.Random(number)
    world = World(writer)
    client = Client(writer.client)
    kept = Owners(client, ONE_NODE)
    settled = 0
    for _ in range(30):
        changed = sum(world.change(chance) for _ in range(chance.choice([0, 1, 3])))
        act = chance.random()
        if act < 0.1:
            kept.settle()
        elif act < 0.35:
            # Whoever comes next knows nothing of what was done.
            client.left = chance.randrange(4)
            try:
                kept.settle() if act < 0.25 else kept.refresh(changed)
            except CutOff:
                settled += 1
            client.left = None
            kept = Owners(client, ONE_NODE)
            kept.refresh()
        else:
            kept.refresh(changed)
        assert world.found() == world.expected()
    assert settled > 2


@pytest.mark.usefixtures("small")
def test_what_is_unsettled_stays_small(writer: Writer) -> None:
    world = World(writer)
    kept = Owners(writer.client, ONE_NODE)
    chance = random.Random(7)
    for _ in range(20):
        kept.refresh(world.change(chance))
        sql = "SELECT uniqExact(seed) FROM identity_unsettled_rows WHERE seed NOT IN (SELECT seed FROM identity WHERE "
        sql += "valid_from > '1900-01-01 00:00:00.000' OR valid_to < '2299-12-31 23:59:59.999')"
        assert writer.client.query(sql).result_rows[0][0] <= 5
        changed = "SELECT count() FROM identity_slices ANY LEFT JOIN (SELECT partition, offset AS settled FROM "
        changed += "identity_marks FINAL) AS marks USING (partition) WHERE offset >= settled"
        # A change writes at most five slices, and is settled when they are more than the least and the root of all.
        assert writer.client.query(changed).result_rows[0][0] <= 4 + 5 + 10


def test_slices_that_left_the_table_are_gone_once_it_is_settled(writer: Writer) -> None:
    world = World(writer)
    kept = Owners(writer.client, ONE_NODE)
    chance = random.Random(1)
    for _ in range(10):
        world.change(chance)
    kept.settle()
    assert world.found() == world.expected() != {(each, at): each for each in SEEDS for at in PROBES}
    writer.client.command("TRUNCATE TABLE identity_slices")
    kept.settle()
    assert world.found() == {(each, at): each for each in SEEDS for at in PROBES}
