"""People in ClickHouse, put there through the projections' own rows."""

from collections.abc import Iterable
from typing import Any

from projections import batch
from projections.batch import blocks_of
from projections.clickhouse import open_database
from projections.owners import Owners
from projections.placement import Placement
from projections.tables import IDENTITY_SLICES
from schemas.codec import dumps
from schemas.identifier import Identifier, seed_of
from schemas.settings import Settings
from schemas.topics import Topics
from tests.unit.projections.records import Log, profile

TOPICS = Topics("p.")
KNOWN = batch.projections(TOPICS)


def seed(type_: str, value: str) -> str:
    return seed_of(Identifier(type_, value))


def person(number: int, **changes: Any) -> dict[str, Any]:
    """A profile with a user id, an e-mail address and a cookie."""
    identifiers = [("user_id", f"u{number}"), ("email", f"u{number}@x.fr"), ("anonymous_id", f"a{number}")]
    document = profile(
        profile_id=seed(*identifiers[0]),
        aliases=[seed(*each) for each in identifiers[1:]],
        version=1,
        identifiers=[{"type": type_, "value": value} for type_, value in identifiers],
        traits={"country": "FR" if number % 2 else "BE", "age": number, "address": {"city": "Lille"}, "vip": True},
        segments=[{"id": "vip", "since": "2026-01-31T10:15:00.123Z"}] if number % 3 == 0 else [],
    )
    return {**document, **changes}


def slices(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The assignments of a profile's identifiers, each for all of time."""
    return [
        {
            "schema_version": 1,
            "seed": seed(each["type"], each["value"]),
            "type": each["type"],
            "value": each["value"],
            "from": None,
            "to": None,
            "profile_id": document["profile_id"],
            "version": 1,
        }
        for each in document["identifiers"]
    ]


class Writer:
    """Puts documents into the tables as the projector would, one after the other."""

    def __init__(self, settings: Settings) -> None:
        self.client = open_database(settings)
        self._owners = Owners(self.client, Placement.of(settings))
        self._offset = 0

    def clear(self) -> None:
        """Empty all tables; views and migrations stay."""
        tables = self.client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' "
            "AND name != 'migrations' AND total_rows > 0"
        )
        for (name,) in tables.result_rows:
            self.client.command(f"TRUNCATE TABLE {name}")
        self._owners.settle()

    def put(self, topic: str, documents: Iterable[Any], keys: Iterable[str] = ()) -> None:
        names = iter(keys)
        records = []
        for document in documents:
            value = None if document is None else dumps(document)
            records.append(Log(topic, value, self._offset, 0, next(names, "").encode()))
            self._offset += 1
        blocks, refused = blocks_of(records, KNOWN)
        assert not refused, refused
        for block in blocks:
            self.client.insert(
                block.table.name,
                block.columns(),
                block.table.names,
                column_type_names=block.table.types,
                column_oriented=True,
            )
            if block.table is IDENTITY_SLICES:
                self._owners.refresh(len(block.rows))

    def people(self, documents: Iterable[dict[str, Any]]) -> None:
        documents = list(documents)
        self.put(TOPICS.profiles, documents)
        self.put(TOPICS.assignments, [each for document in documents for each in slices(document)])
