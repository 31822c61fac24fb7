"""Removing an erased person's rows from ClickHouse, also from its disk; other people's events are rewritten.

Every statement names what it removes by what stays the same (seeds, identifiers, moments, the offsets of tombstones),
so all of them may run again after a crash, and rows that came since are not among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from clickhouse_connect.driver.client import Client

from processors.erasure.scrub import needles_of, without
from projections.owners import Owners
from projections.placement import Placement
from projections.rows import event_rows
from projections.tables import EVENTS
from schemas.codec import dumps, loads
from schemas.identifier import Identifier, family_of, is_weak

# Names in one statement: parameters travel in the request's address.
_AT_ONCE = 100
_WAIT = {"mutations_sync": 2}

_EVENT_COLUMNS = "raw, topic, partition, offset"
_OWN = "seed IN {seeds:Array(UUID)} AND received_at <= fromUnixTimestamp64Milli({at:Int64})"
_SLICE = (
    "seed = {seed:UUID} AND received_at <= fromUnixTimestamp64Milli({at:Int64}) "
    "AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}) AND occurred_at < fromUnixTimestamp64Milli({end:Int64})"
)
_OTHERS = (
    "received_at <= fromUnixTimestamp64Milli({at:Int64}) AND "
    "arrayExists(each -> has({named:Array(String)}, concat(each.1, ':', each.2)), identifiers)"
)
_UP_TO = (
    "toInt64(offset) <= transform(toString({column}), {{ids:Array(String)}}, {{offsets:Array(Int64)}}, toInt64(-1))"
)
_NUMBERED = (
    "profile_id = {profile:UUID} "
    "AND sequence <= transform(toString(segment_id), {segments:Array(String)}, {sequences:Array(UInt64)}, 0)"
)
_DECIDED = (
    "version <= {version:UInt64} AND (has({named:Array(String)}, concat(a.1, ':', a.2)) "
    "OR has({named:Array(String)}, concat(b.1, ':', b.2)))"
)
_MENTIONED = (
    "at <= fromUnixTimestamp64Milli({at:Int64}) AND multiSearchAnyCaseInsensitive(payload, {needles:Array(String)})"
)
_END_OF_TIME = 10_413_791_999_999
_MS_OF_ALL_TIME = (-(1 << 41), _END_OF_TIME)


@dataclass
class _Record:
    """A record of the log, as far as the archive's row is made of it."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    timestamp: int = 0
    key: bytes | None = None


@dataclass
class Person:
    """Whom an expunge job is about."""

    job: Any
    at: int = field(init=False)  # ms: what was received up to it goes
    seeds: list[str] = field(init=False)  # theirs for all time, orders among them
    ids: list[str] = field(init=False)  # ids that their profile may have had
    slices: list[list[Any]] = field(init=False)  # rows of shared devices
    identifiers: list[Identifier] = field(init=False)  # theirs for all time, without orders

    def __post_init__(self) -> None:
        rows = self.job["rows"]
        whole = [row for row in rows if row[3] is None and row[4] is None]
        # Whoever is kept out may have come in between the request and the mask.
        self.at = _END_OF_TIME if self.job["request"]["mode"] == "suppress" else self.job["request"]["at"]
        self.seeds = sorted({row[0].partition("/")[0] for row in whole})
        self.slices = [row for row in rows if row not in whole]
        self.ids = sorted({*self.seeds, self.job["profile_id"]})
        self.identifiers = [Identifier(row[1], row[2]) for row in whole if family_of(row[1]) != "order"]


class Expunge:
    """The statements, through one client, on the tables as they are placed."""

    def __init__(self, client: Client, placement: Placement) -> None:
        self._client = client
        self._placement = placement
        self._removed: dict[str, int] = {}

    def run(self, job: Any) -> bytes:
        """Remove everything and return how many rows went, by table, as JSON."""
        person = Person(job)
        self._events(person)
        self._states(person)
        self._identity(person)
        Owners(self._client, self._placement).settle()
        self._segments(person)
        self._decisions(person)
        return dumps(self._removed)

    def _delete(self, table: str, condition: str, parameters: dict[str, Any]) -> None:
        sql = f"SELECT count() FROM {table} WHERE {condition}"  # noqa: S608 - both are constants of this module
        [[count]] = self._client.query(sql, parameters=parameters).result_rows
        self._removed[table] = self._removed.get(table, 0) + count
        if count:
            statement = f"ALTER TABLE {self._placement.deletable(table)} DELETE WHERE {condition}"
            self._client.command(statement, parameters=parameters, settings=_WAIT)

    def _events(self, person: Person) -> None:
        for seeds in _pieces(person.seeds):
            self._delete("events", _OWN, {"seeds": seeds, "at": person.at})
        for part, _, _, start, end in person.slices:
            bounds = {
                "start": _MS_OF_ALL_TIME[0] if start is None else start,
                "end": _MS_OF_ALL_TIME[1] if end is None else end,
            }
            self._delete("events", _SLICE, {"seed": part.partition("/")[0], "at": person.at, **bounds})
        strong = [each for each in person.identifiers if not is_weak(each.type)]
        for identifiers in _pieces(strong):
            self._rewrite({"named": [f"{each.type}:{each.value}" for each in identifiers], "at": person.at}, strong)
        for needles in _pieces([needle for each in person.identifiers for needle in needles_of(each)]):
            self._delete("dead_letters", _MENTIONED, {"needles": needles, "at": person.at})

    def _rewrite(self, parameters: dict[str, Any], identifiers: Sequence[Identifier]) -> None:
        """Put events of other people into the archive without the identifiers, then remove the old rows."""
        sql = f"SELECT {_EVENT_COLUMNS} FROM events WHERE {_OTHERS} ORDER BY topic, partition, offset"  # noqa: S608
        found = self._client.query(sql, parameters=parameters).result_rows
        for number, piece in enumerate(_pieces(list(found), 1000)):
            rows: list[Any] = []
            for raw, topic, partition, offset in piece:
                scrubbed = dumps(without(loads(raw), identifiers))
                rows += event_rows(_Record(topic, partition, offset, scrubbed))
            places = f"{piece[0][1]}/{piece[0][2]}@{piece[0][3]}"
            self._client.insert(
                "events",
                list(zip(*rows, strict=True)),
                EVENTS.names,
                column_type_names=EVENTS.types,
                column_oriented=True,
                # Again after a crash is the same block, which ClickHouse knows by this name.
                settings={"insert_deduplication_token": f"erased {parameters['at']} {number} {places}"},
            )
        self._delete("events", _OTHERS, parameters)

    def _states(self, person: Person) -> None:
        """Remove profiles and orders up to their tombstones."""
        for piece in _pieces(person.ids):
            self._delete_up_to_end("profile_states", "profile_id", piece)
        for piece in _pieces(person.seeds):
            self._delete_up_to_end("order_states", "seed", piece)
        for piece in _pieces(person.job["others"]):
            self._delete_replaced_profiles(piece)

    def _delete_up_to_end(self, table: str, column: str, ids: Sequence[str]) -> None:
        sql = (
            f"SELECT toString({column}), max(offset) FROM {table} "  # noqa: S608 - constants
            f"WHERE {column} IN {{ids:Array(UUID)}} AND deleted GROUP BY {column}"
        )
        ends = self._client.query(sql, parameters={"ids": ids}).result_rows
        if ends:
            parameters = {"ids": [end[0] for end in ends], "offsets": [end[1] for end in ends]}
            self._delete(table, _UP_TO.format(column=column), parameters)

    def _delete_replaced_profiles(self, seeds: Sequence[str]) -> None:
        """Remove the earlier states of other people's profiles: their newest no longer has what is forgotten."""
        sql = (
            "SELECT toString(profile_id), max(offset) - 1 FROM profile_states WHERE profile_id IN {seeds:Array(UUID)} "
            "OR profile_id IN (SELECT profile_id FROM identity_slices WHERE seed IN {seeds:Array(UUID)}) "
            "GROUP BY profile_id HAVING count() > 1"
        )
        ends = self._client.query(sql, parameters={"seeds": seeds}).result_rows
        for piece in _pieces(ends):
            parameters = {"ids": [end[0] for end in piece], "offsets": [end[1] for end in piece]}
            self._delete("profile_states", _UP_TO.format(column="profile_id"), parameters)

    def _identity(self, person: Person) -> None:
        for piece in _pieces(person.seeds):
            self._delete_up_to_end("identity_slices", "seed", piece)
        for row in person.slices:
            self._replaced_slices(row[0].partition("/")[0], person.ids)
        where = "seed IN {ids:Array(UUID)} OR profile_id IN {ids:Array(UUID)}"
        for piece in _pieces(person.ids):
            self._delete("identity_candidates", where, {"ids": piece})
            # What belongs to one of these ids since then is found by it again.
            self._client.command(
                "INSERT INTO identity_candidates SELECT DISTINCT profile_id, seed FROM identity_slices FINAL "
                "WHERE NOT deleted AND (seed IN {ids:Array(UUID)} OR profile_id IN {ids:Array(UUID)})",
                parameters={"ids": piece},
            )

    def _replaced_slices(self, seed: str, ids: Sequence[str]) -> None:
        """Remove states of a shared device that say whose it was, where a newer state has replaced them."""
        sql = (
            "SELECT offset FROM identity_slices WHERE seed = {seed:UUID} AND profile_id IN {ids:Array(UUID)} "
            "AND (seed, valid_from, offset) NOT IN (SELECT seed, valid_from, max(offset) FROM identity_slices "
            "WHERE seed = {seed:UUID} GROUP BY seed, valid_from)"
        )
        offsets = [row[0] for row in self._client.query(sql, parameters={"seed": seed, "ids": ids}).result_rows]
        if offsets:
            where = "seed = {seed:UUID} AND offset IN {offsets:Array(UInt64)}"
            self._delete("identity_slices", where, {"seed": seed, "offsets": offsets})

    def _segments(self, person: Person) -> None:
        numbers: dict[str, int] = person.job["numbers"]
        profile = person.job["profile_id"]
        earlier = {"ids": [each for each in person.ids if each != profile], "at": person.job["erased_at"]}
        for table, moment in (("segment_changes", "published_at"), ("membership_states", "since")):
            if numbers:
                parameters = {"profile": profile, "segments": list(numbers), "sequences": list(numbers.values())}
                self._delete(table, _NUMBERED, parameters)
            where = f"profile_id IN {{ids:Array(UUID)}} AND {moment} <= fromUnixTimestamp64Milli({{at:Int64}})"
            self._delete(table, where, earlier)

    def _decisions(self, person: Person) -> None:
        for identifiers in _pieces(person.identifiers):
            named = [f"{each.type}:{each.value}" for each in identifiers]
            self._delete("decisions", _DECIDED, {"named": named, "version": person.job["evidence"]})


def _pieces(many: Sequence[Any], size: int = _AT_ONCE) -> Iterator[Sequence[Any]]:
    for first in range(0, len(many), size):
        yield many[first : first + size]
