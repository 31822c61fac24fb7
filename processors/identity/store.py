"""The fold's records, decoded while they are in use: components by every member, devices by their identifier.

What was decoded stays in memory up to a number of identifiers; what a batch changed leaves as `writes`.
"""

from collections.abc import Callable

from processors.identity.component import Component, Member
from processors.identity.device import Device
from processors.identity.grouping import Node
from processors.identity.records import (
    WEAK_A_CHUNK,
    decode_component,
    decode_device,
    decode_weak,
    encode_component,
    encode_device,
    logins_key,
    strong_key,
)
from schemas.codec import dumps, loads

Get = Callable[[bytes], bytes | None]


class Store:
    """Components and devices, loaded when asked for. `capacity` bounds the identifiers kept between batches."""

    def __init__(self, get: Get, capacity: int) -> None:
        self._get = get
        self._capacity = capacity
        self._components: dict[Node, Component] = {}
        self._devices: dict[Node, Device] = {}
        self._writes: dict[bytes, bytes | None] = {}
        self._moved: dict[Node, bytes] = {}  # strong identifiers whose record leads elsewhere now, with its key
        self._absent: dict[Node, bytes] = {}  # strong identifiers that this batch has not found, with their keys

    def find(self, identifier: Node) -> Component | None:
        """Return the component of a strong identifier, None if nothing is known about it."""
        component = self._components.get(identifier)
        return self._load(identifier) if component is None else component

    def _load(self, identifier: Node) -> Component | None:
        if identifier in self._absent:
            return None
        key = strong_key(identifier)
        record = self._get(key)
        if record is None:
            self._absent[identifier] = key
            return None
        if record.startswith(b">"):
            record = self._get(record[1:])
            if record is None:
                raise LookupError("The identity store is damaged: a key leads nowhere. Restore it from its changelog.")
        component = decode_component(record)
        for member in component.members:
            self._components[member] = component
        return component

    def admit(self, component: Component, identifier: Node) -> Member:
        """Make an identifier that was not found a member of a component, and return what is known now."""
        member = component.members[identifier] = Member()
        self._components[identifier] = component
        self._moved[identifier] = self._absent.pop(identifier)
        return member

    def place(self, component: Component, *moved: Node) -> None:
        """Make `component` the one of these members."""
        for identifier in moved:
            self._components[identifier] = component
            self._moved[identifier] = strong_key(identifier)

    def device(self, weak: Node) -> Device:
        """Return the device of a weak identifier, a new one if nothing is known about it."""
        device = self._devices.get(weak)
        if device is None:
            device = self._devices[weak] = decode_device(weak, self._get)
            device.slices = device.cut()
        return device

    def log_in(self, identifier: Node, member: Member, weak: Node) -> None:
        """Remember that a strong identifier logged in on a weak one."""
        if member.weak is None:
            member.weak = []
        member.weak.append(weak)
        if len(member.weak) == WEAK_A_CHUNK:
            self._writes[logins_key(identifier, member.chunks)] = dumps(member.weak)
            member.weak = None
            member.chunks += 1

    def weak_of(self, identifier: Node, member: Member) -> list[Node]:
        """Return the weak identifiers that a strong one logged in on."""
        found: list[Node] = []
        for number in range(member.chunks):
            key = logins_key(identifier, number)
            chunk = self._writes.get(key) or self._get(key)
            if chunk is None:
                raise LookupError("The identity store is damaged: a list is missing. Restore it from its changelog.")
            found += decode_weak(loads(chunk))
        return found + (member.weak or [])

    def take_writes(self, components: list[Component], devices: list[Device]) -> dict[bytes, bytes | None]:
        """Return what the store must hold once these have changed; forget what is decoded, if it has become too
        much."""
        writes, self._writes = self._writes, {}
        moved, self._moved, self._absent = self._moved, {}, {}
        keys: dict[Node, bytes] = {}
        for component in components:
            root = component.root
            key = keys[root] = moved.get(root) or strong_key(root)
            writes[key] = encode_component(component)
        for identifier, key in moved.items():
            root = self._components[identifier].root
            if root != identifier:
                writes[key] = b">" + keys[root]
        for device in devices:
            writes.update(encode_device(device))
        if len(self._components) + len(self._devices) > self._capacity:
            self._components.clear()
            self._devices.clear()
        return writes
