"""Shadow tables: where a rebuild writes until its answers take the place of the live ones.

`create` makes an empty table like the live one. `mirror` lets every further insert into the live table reach the shadow
too, within the same insert, so that nothing is missed between the last read of the log and `swap`, which exchanges the
two in one step; readers see either, whole. Every step can be repeated after a crash: what was done is read from
ClickHouse (names, UUIDs, and a note in the mirror's comment). In a sharded cluster each shard does this with its own
rows; a shadow then has a table over the shards too, through which it is filled.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projections.archive import Editor, Positions
from projections.placement import Placement
from projections.tables import Table

_SHADOW = "__shadow"
_MIRROR = "__mirror"
_REPLACED = "Replaced by a rebuild; can be removed"
_CREATE_MIRROR = (
    "CREATE MATERIALIZED VIEW IF NOT EXISTS {name}__mirror{on_cluster} TO {shadow} "
    "AS SELECT * FROM {live} WHERE {beyond} COMMENT '{note}'"
)
_STRUCTURE = (
    "SELECT groupArray((name, type, default_expression, compression_codec)) FROM (SELECT * FROM system.columns "
    "WHERE database = currentDatabase() AND table = {table:String} ORDER BY position)"
)
_TABLES = (
    "SELECT name, toString(uuid), comment FROM system.tables "
    "WHERE database = currentDatabase() AND name IN {names:Array(String)}"
)

_CREATED = (
    "SELECT count(), toUnixTimestamp(min(metadata_modification_time)) FROM system.tables "
    "WHERE database = currentDatabase() AND name IN {names:Array(String)}"
)


@dataclass(frozen=True, slots=True)
class Note:
    """What a mirror remembers: how far the shadow had been filled when it was made, and the shadow's UUID."""

    positions: Positions
    shadow: str

    def text(self) -> str:
        """Return it as JSON."""
        places = [[topic, partition, offset] for (topic, partition), offset in sorted(self.positions.items())]
        return json.dumps({"positions": places, "shadow": self.shadow})

    @classmethod
    def parse(cls, text: str) -> "Note":
        """Return the note that `text` made."""
        found = json.loads(text)
        return cls({(topic, partition): offset for topic, partition, offset in found["positions"]}, found["shadow"])


def shadow_of(table: Table) -> Table:
    """Return the table's shadow: the same columns under another name."""
    return Table(table.name + _SHADOW, table.columns)


def beyond_of(positions: Positions) -> str:
    """Return the condition for rows at or after these offsets. Topics' names have no quotes."""
    return " OR ".join(
        f"(topic = '{topic}' AND partition = {partition} AND offset >= {at})"
        for (topic, partition), at in sorted(positions.items())
    )


class Shadows:
    """The shadows of some tables in one database."""

    def __init__(self, client: Editor, tables: Sequence[Table], placement: Placement) -> None:
        self._client = client
        self._tables_in_order = tables
        self._names = [table.name for table in tables]
        self._place = placement
        self._on_cluster = placement.on_cluster

    def create(self) -> None:
        """Make the shadows that are missing; those of another structure than the live table start afresh."""
        there = self._tables([self._shadow(name) for name in self._names])
        for name in self._names:
            live, shadow = self._live(name), self._shadow(name)
            replaced = there.get(shadow, ("", ""))[1] == _REPLACED
            if replaced or self._structure(shadow) not in ([], self._structure(live)):
                self._drop_shadow(name)
            self._client.command(f"CREATE TABLE IF NOT EXISTS {shadow}{self._on_cluster} AS {live}")
            if self._place.is_sharded(name):
                engine = self._place.distributed(name + _SHADOW)
                self._client.command(
                    f"CREATE TABLE IF NOT EXISTS {name}{_SHADOW}{self._on_cluster} AS {name} ENGINE = {engine}"
                )

    def mirror(self, positions: Positions) -> None:
        """Let every further row of a live table from `positions` on reach its shadow too; derived tables have all rows.

        Tables are mirrored in the order in which a batch is written, so whatever an own table passes on the derived
        ones have passed on too.
        """
        ids = self._uuids()
        for table in self._tables_in_order:
            name = table.name
            beyond = beyond_of(positions) if ("offset", "UInt64") in table.columns else "1"
            live, shadow = self._live(name), self._shadow(name)
            note = Note(positions, ids[shadow]).text().replace("'", "\\'")
            self._client.command(
                _CREATE_MIRROR.format(
                    name=name, on_cluster=self._on_cluster, live=live, shadow=shadow, beyond=beyond, note=note
                )
            )

    def notes(self) -> dict[str, Note]:
        """Return what the mirrors that are there remember, by table."""
        rows = self._tables([name + _MIRROR for name in self._names])
        return {name.removesuffix(_MIRROR): Note.parse(comment) for name, (_, comment) in rows.items()}

    def created(self) -> int | None:
        """Return when the oldest shadow that is there was made, in ms; None without any."""
        names = [self._shadow(name) for name in self._names]
        answer = self._client.query(_CREATED, parameters={"names": names})
        count, at = answer.result_rows[0]
        return int(at) * 1000 if count else None

    def swap(self, notes: Mapping[str, Note]) -> None:
        """Let the shadows and the live tables change places, in one step; those that have done so stay."""
        ids = self._uuids()
        left = [name for name in self._names if name in notes and ids[self._live(name)] != notes[name].shadow]
        if left:
            pairs = ", ".join(f"{self._live(name)} AND {self._shadow(name)}" for name in left)
            self._client.command(f"EXCHANGE TABLES {pairs}{self._on_cluster}")
        for name in self._names:
            # Without its mirror it must never be taken for a shadow that was filled halfway.
            self._client.command(f"ALTER TABLE {self._shadow(name)}{self._on_cluster} MODIFY COMMENT '{_REPLACED}'")

    def swapped(self, notes: Mapping[str, Note]) -> bool:
        """Tell whether any of them has changed places already: then what is called a shadow is the old table."""
        ids = self._uuids()
        return any(ids[self._live(name)] == note.shadow for name, note in notes.items())

    def remove(self) -> None:
        """Remove mirrors and shadows."""
        for name in self._names:
            self._drop("VIEW", name + _MIRROR)
        for name in self._names:
            self._drop_shadow(name)

    def _live(self, name: str) -> str:
        """Return the table that has the rows which are read as `name`."""
        return self._place.local(name)

    def _shadow(self, name: str) -> str:
        """Return the table that will have them."""
        return self._place.local(name + _SHADOW)

    def _drop_shadow(self, name: str) -> None:
        for table in dict.fromkeys((name + _SHADOW, self._shadow(name))):
            self._drop("TABLE", table)

    def _drop(self, kind: str, name: str) -> None:
        self._client.command(f"DROP {kind} IF EXISTS {name}{self._on_cluster} SYNC")

    def _structure(self, name: str) -> list[Any]:
        answer = self._client.query(_STRUCTURE, parameters={"table": name})
        return list(answer.result_rows[0][0])

    def _uuids(self) -> dict[str, str]:
        names = [each for name in self._names for each in (self._live(name), self._shadow(name))]
        return {name: uuid for name, (uuid, _) in self._tables(names).items()}

    def _tables(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        answer = self._client.query(_TABLES, parameters={"names": list(names)})
        return {name: (uuid, comment) for name, uuid, comment in answer.result_rows}
