"""Generations of the writer's state: who is who under one policy each, side by side in one store.

The first generation has the keys of `records` as they are; a later one has its number before them. A change of policy
folds the evidence into the next generation beside the present one, publishes how they differ (`compare`), and removes
the older one.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from processors.identity.component import Component, Member
from processors.identity.couples import unfold
from processors.identity.device import Device
from processors.identity.grouping import Node
from processors.identity.policy import Policy
from processors.identity.records import chunk_key, decode_component, decode_device, strong_key, weak_key
from schemas.codec import loads

Get = Callable[[bytes], bytes | None]
Scan = Callable[[bytes, bytes], Iterator[tuple[bytes, bytes]]]
COMPONENTS: Final = b"i:"
DEVICES: Final = b"w:"
# All kinds of keys (see `records`); a generation holds nothing else.
KINDS: Final = (COMPONENTS, DEVICES, b"c:", b"l:")
POINTER: Final = b">"


def identifier_of(key: bytes) -> Node:
    """Return the identifier that a key of components or devices names."""
    type_, _, value = key[2:].decode().partition("\0")
    return (type_, value)


def chunks_of(key: bytes, record: bytes) -> list[bytes]:
    """Return the keys of the records in which a device, stored so, keeps its runs."""
    weak = identifier_of(key)
    return [chunk_key(weak, number) for number in range(loads(record)[-1])]


class Generation:
    """The records of one generation; `get` and `scan` read the store."""

    def __init__(self, number: int, get: Get, scan: Scan) -> None:
        self._prefix = b"%d:" % number if number else b""
        self._get = get
        self._scan = scan
        self.number = number

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a key of this generation."""
        return self._get(self._prefix + key)

    def own(self, writes: Mapping[bytes, bytes | None]) -> dict[bytes, bytes | None]:
        """Return the writes of a fold as writes of the store."""
        prefix = self._prefix
        return {prefix + key: value for key, value in writes.items()} if prefix else dict(writes)

    def keys(self, kind: bytes, key: bytes, most: int) -> list[bytes]:
        """Return the next keys of a kind behind `key` (b"": from the first on)."""
        start = self._prefix + (key + b"\0" if key else kind)
        found = islice(self._scan(start, self._prefix + kind[:-1] + b";"), most)
        return [stored[len(self._prefix) :] for stored, _ in found]


class Reading:
    """A generation as it stands, decoded when asked for; for one step of a comparison."""

    def __init__(self, generation: Generation, policy: Policy) -> None:
        self._generation = generation
        self._policy = policy
        self._components: dict[Node, Component | None] = {}

    def component(self, identifier: Node) -> Component | None:
        """Return the component of a strong identifier, None if nothing is known about it."""
        if identifier not in self._components:
            found = self._decoded(strong_key(identifier))
            self._components[identifier] = found
            for member in found.members if found is not None else ():
                self._components[member] = found
        return self._components[identifier]

    def _decoded(self, key: bytes) -> Component | None:
        record = self._generation.get(key)
        if record is not None and record.startswith(POINTER):
            record = self._generation.get(record[1:])
        if record is None:
            return None
        found = decode_component(record)
        return unfold(found, self._policy, is_settled=True) if isinstance(found, tuple) else found

    def member(self, identifier: Node) -> Member | None:
        """Return what is known about a strong identifier."""
        component = self.component(identifier)
        return None if component is None else component.members[identifier]

    def owner(self, identifier: Node) -> Node:
        """Return by whom the profile of a strong identifier is known."""
        member = self.member(identifier)
        return identifier if member is None or member.owner is None else member.owner

    def device(self, weak: Node) -> Device | None:
        """Return a weak identifier with its slices, None if nothing is known about it."""
        if self._generation.get(weak_key(weak)) is None:
            return None
        device = decode_device(weak, self._generation.get)
        device.recut()
        return device
