"""People in ClickHouse: events, identities and profiles as the projector would have written them."""

from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace
from typing import Any

from projections import rows, tables
from projections.owners import Owners
from projections.placement import ONE_NODE
from schemas.codec import dumps
from schemas.identifier import uuid5_text
from schemas.times import to_iso

_numbers = count()


def _record(value: dict[str, Any], offset: int) -> Any:
    return SimpleNamespace(topic="t", partition=0, offset=offset, timestamp=0, key=b"", value=dumps(value))


def _insert(client: Any, table: tables.Table, found: list[Any]) -> None:
    if found:
        client.insert(table.name, found, column_names=table.names, column_type_names=table.types)


@dataclass
class Person:
    """A person: the id, the events that are theirs with their times, and the public profile."""

    id: str
    events: list[tuple[int, dict[str, Any]]]
    profile: dict[str, Any]


@dataclass
class Pair:
    """Two people and the events of their seeds, in turn by `places`.

    Place 0 is the first person's own seed, 1 another of theirs, 2 a weak one: theirs before `cut`, the other's after.
    """

    events: list[tuple[int, dict[str, Any]]]
    places: list[int]
    cut: int
    profiles: list[dict[str, Any]]


def write_people(client: Any, pairs: list[Pair]) -> list[Person]:
    """Write all pairs and return the people, each with their events under ids that the archive can hold."""
    found: dict[str, list[Any]] = {"events": [], "candidates": [], "slices": [], "states": []}
    written = [person for pair in pairs for person in _pair(pair, found)]
    _insert(client, tables.EVENTS, found["events"])
    _insert(client, tables.IDENTITY_CANDIDATES, found["candidates"])
    _insert(client, tables.IDENTITY_SLICES, found["slices"])
    Owners(client, ONE_NODE).settle()
    _insert(client, tables.PROFILE_STATES, found["states"])
    return written


def _pair(pair: Pair, found: dict[str, list[Any]]) -> list[Person]:
    number = next(_numbers)
    seeds = [uuid5_text(f"{number}-{place}") for place in range(3)]
    people = [Person(seeds[0], [], pair.profiles[0]), Person(uuid5_text(f"{number}-other"), [], pair.profiles[1])]
    for index, (t, event) in enumerate(pair.events):
        place = pair.places[index % len(pair.places)]
        mine = {**event, "event_id": uuid5_text(f"{number}-{event['event_id']}")}
        (people[1] if place == 2 and t >= pair.cut else people[0]).events.append((t, mine))
        times = {"occurred_at": to_iso(t), "received_at": to_iso(t), "sent_at": None, "original_timestamp": None}
        rest = {"traits": {}, "context": {}, "integrations": {}, "identifiers": [], "flags": [], "schema_version": 1}
        found["events"] += rows.event_rows(_record({**mine, **times, **rest, "seed": seeds[place]}, index))
    for offset, (seed, start, end, owner) in enumerate(
        [(seeds[1], None, None, 0), (seeds[2], None, pair.cut, 0), (seeds[2], pair.cut, None, 1)]
    ):
        slice_ = {"seed": seed, "type": "t", "value": "v", "from": start, "to": end, "version": 1}
        candidate, state = rows.assignment_rows(_record({**slice_, "profile_id": people[owner].id}, offset))
        found["candidates"].append(candidate)
        found["slices"].append(state)
    for person in people:
        public = {"profile_id": person.id, "version": 1, "identifiers": [], "traits": {}, "segments": []}
        found["states"] += rows.profile_rows(_record({**public, **person.profile}, 0))
    return people
