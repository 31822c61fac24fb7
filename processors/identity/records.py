"""The writer's state as records: how components and devices are stored, and under which keys.

* `i:<type>\\0<value>` is a component, under one of its members; under the others `>` and that one's key;
* `l:<type>\\0<value>\\0<number>` is a list of weak identifiers that a strong one logged in on, once there are many;
* `w:<type>\\0<value>` is a device; its runs are in chunks, `c:<type>\\0<value>\\0<number>`, so that a login on a busy
  device writes a little.

JSON throughout, with what is empty left out at the end of lists. Members and users stand for identifiers by their
place.
"""

from collections.abc import Callable
from typing import Any, Final

from processors.identity.component import Component, Evidence, Member, Ruling
from processors.identity.couples import Couple
from processors.identity.device import Device, Run, User
from processors.identity.grouping import JOINED, Moment, Node, Pair
from schemas.codec import dumps, loads

_SHARED: Final = 1
_UNKNOWN: Final = 2
_ASKED: Final = 4
_WATCHED: Final = 8
_LONG: Final = 5  # elements of a row that says more than whose a member is and how many neighbours it has
RUNS_A_CHUNK: Final = 100
WEAK_A_CHUNK: Final = 100


def strong_key(identifier: Node) -> bytes:
    """Return the key of what is known about a strong identifier."""
    return f"i:{identifier[0]}\0{identifier[1]}".encode()


def weak_key(identifier: Node) -> bytes:
    """Return the key of what is known about a weak identifier."""
    return f"w:{identifier[0]}\0{identifier[1]}".encode()


def chunk_key(identifier: Node, number: int) -> bytes:
    """Return the key of a chunk of a device's runs."""
    return f"c:{identifier[0]}\0{identifier[1]}\0{number}".encode()


def logins_key(identifier: Node, number: int) -> bytes:
    """Return the key of a list of weak identifiers that a strong one logged in on."""
    return f"l:{identifier[0]}\0{identifier[1]}\0{number}".encode()


def encode_component(component: Component) -> bytes:
    """Return the record of a component."""
    members = component.members
    place = {identifier: index for index, identifier in enumerate(members)}
    rows = []
    for (type_, value), member in members.items():
        owner = member.owner
        row: list[Any] = [type_, value, -1 if owner is None else place[owner]]
        flags = _SHARED * member.shared | _UNKNOWN * member.unknown | _ASKED * member.asked
        if member.logged_in is not None or flags or member.weak or member.chunks or member.released is not None:
            row += (member.neighbours, member.logged_in, flags, member.released, member.weak, member.chunks)
            if member.shared_at is not None:
                row.append(member.shared_at)
        elif member.neighbours:
            row.append(member.neighbours)
        rows.append(row)
    pairs = [[place[a], place[b], *e.when, e.outcome] for (a, b), e in component.pairs.items()]
    rare = component.rare
    if rare is None:
        return dumps([place[component.root], rows, pairs])
    apart = [[place[holder], *a, *b, *e.when, e.outcome] for (holder, (a, b)), e in rare.apart.items()]
    rulings = [
        [*a, *b, r.at, r.decision_id, r.kind, r.reason, r.operator, r.place, r.refused]
        for (a, b), r in rare.rulings.items()
    ]
    spellings = [[*a, *b, *e.when, e.outcome] for (a, b), e in rare.spellings.items()]
    return dumps([place[component.root], rows, pairs, apart, rulings, spellings])


def decode_component(record: bytes) -> Component | Couple:
    """Return the component that `encode_component` made a record of, or the couple that says all of it."""
    root, rows, pairs, *rare = loads(record)
    members: list[Node] = [(row[0], row[1]) for row in rows]
    if len(pairs) == 1 and len(members) == 2 and not rare and len(rows[0]) < _LONG and len(rows[1]) < _LONG:
        a, b, t, message_id, event_id, outcome = pairs[0]
        if outcome == JOINED and a == root:
            return (members[a], members[b], (t, message_id, event_id))
    component = Component(members[root])
    for identifier, row in zip(members, rows, strict=True):
        member = component.members[identifier] = Member()
        member.owner = None if row[2] < 0 else members[row[2]]
        if len(row) > 3:
            member.neighbours = row[3]
        if len(row) >= _LONG:
            logged_in, flags, member.released, weak, member.chunks, *shared_at = row[4:]
            member.shared_at = _moment(shared_at[0]) if shared_at else None
            member.shared, member.unknown = bool(flags & _SHARED), bool(flags & _UNKNOWN)
            member.asked = bool(flags & _ASKED)
            member.logged_in = _moment(logged_in)
            member.weak = decode_weak(weak) if weak else None
    for a, b, t, message_id, event_id, outcome in pairs:
        component.pairs[members[a], members[b]] = _evidence((t, message_id, event_id), outcome)
    if rare:
        _decode_rare(component, members, *rare)
    return component


def decode_weak(value: list[Any]) -> list[Node]:
    """Return the weak identifiers of a list."""
    return [(type_, value) for type_, value in value]


def _decode_rare(
    component: Component, members: list[Node], apart: list[Any], rulings: list[Any], spellings: list[Any]
) -> None:
    rare = component.exceptions()
    for holder, a_type, a_value, b_type, b_value, t, message_id, event_id, outcome in apart:
        pair: Pair = ((a_type, a_value), (b_type, b_value))
        rare.apart[members[holder], pair] = _evidence((t, message_id, event_id), outcome)
    for a_type, a_value, b_type, b_value, at, decision_id, kind, reason, operator, place, refused in rulings:
        ruling = rare.rulings[(a_type, a_value), (b_type, b_value)] = Ruling(
            at, decision_id, kind, reason, operator, place
        )
        ruling.refused = ruling.told = refused
    for a_type, a_value, b_type, b_value, t, message_id, event_id, outcome in spellings:
        pair = ((a_type, a_value), (b_type, b_value))
        rare.spellings[pair] = _evidence((t, message_id, event_id), outcome)


def _evidence(when: Moment, outcome: str) -> Evidence:
    evidence = Evidence(when, outcome)
    evidence.told = (outcome, when) if outcome else None
    return evidence


def _moment(value: list[Any] | None) -> Moment | None:
    return None if value is None else (value[0], value[1], value[2])


def encode_device(device: Device) -> dict[bytes, bytes | None]:
    """Return the records of a device that have changed since it was decoded or encoded last."""
    place = {identifier: index for index, identifier in enumerate(device.users)}
    users = [
        [*identifier, user.owner, user.released, _SHARED * user.shared | _WATCHED * user.watched]
        for identifier, user in device.users.items()
    ]
    flags = _UNKNOWN * (not device.known) | _ASKED * device.asked
    chunks = -(-len(device.runs) // RUNS_A_CHUNK)
    record = None if device.blank else dumps([flags, device.released, device.shared_at, users, chunks])
    writes: dict[bytes, bytes | None] = {weak_key(device.weak): record}
    if device.recut_from is not None:
        for number in range(device.recut_from // RUNS_A_CHUNK, chunks):
            runs = device.runs[number * RUNS_A_CHUNK : (number + 1) * RUNS_A_CHUNK]
            writes[chunk_key(device.weak, number)] = dumps(
                [[place[run.user], run.first, run.last if run.last != run.first else None] for run in runs]
            )
    for number in range(chunks, device.chunks):
        writes[chunk_key(device.weak, number)] = None
    device.chunks, device.recut_from = chunks, None
    return writes


def decode_device(weak: Node, get: Callable[[bytes], bytes | None]) -> Device:
    """Return a device from its records; a new one if there are none. Its slices are yet to be cut."""
    device = Device(weak)
    record = get(weak_key(weak))
    if record is None:
        return device
    flags, device.released, shared_at, users, device.chunks = loads(record)
    device.known, device.asked = not flags & _UNKNOWN, bool(flags & _ASKED)
    device.shared_at = _moment(shared_at)
    identifiers: list[Node] = []
    for type_, value, owner, released, user_flags in users:
        identifiers.append((type_, value))
        user = device.users[type_, value] = User()
        user.owner = None if owner is None else (owner[0], owner[1])
        user.released = released
        user.shared, user.watched = bool(user_flags & _SHARED), bool(user_flags & _WATCHED)
        device.contested = device.contested or user.watched
    for number in range(device.chunks):
        chunk = get(chunk_key(weak, number))
        if chunk is None:
            raise LookupError("The identity store is damaged: a chunk is missing. Restore it from its changelog.")
        for user_place, first, last in loads(chunk):
            begin: Moment = (first[0], first[1], first[2])
            end: Moment = begin if last is None else (last[0], last[1], last[2])
            device.runs.append(Run(begin, end, identifiers[user_place]))
    return device
