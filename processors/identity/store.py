"""The fold's records, decoded while they are in use: components by every member, devices by their identifier.

What was decoded stays in memory up to a number of identifiers; what a batch changed leaves as `writes`.
"""

from collections.abc import Callable

from processors.identity.component import Component, Member
from processors.identity.couples import Couple, encode_couple, unfold
from processors.identity.device import Device
from processors.identity.grouping import Moment, Node
from processors.identity.policy import Policy
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
COUPLES_FOR_ONE = 8  # identifiers of couples that take the memory of one with a component and a device


class Store:
    """Components and devices, loaded when asked for.

    `capacity` bounds how many identifiers are kept decoded: at most twice as many, those used last among them.
    """

    def __init__(self, policy: Policy, get: Get, capacity: int) -> None:
        self._policy = policy
        self._get = get
        self._capacity = capacity
        self._components: dict[Node, Component] = {}  # by every member
        self._devices: dict[Node, Device] = {}
        self._couples: dict[Node, Couple] = {}  # by both
        # What was used before the last time that there was too much: looked at again before it is decoded again.
        self._earlier: tuple[dict[Node, Component], dict[Node, Device], dict[Node, Couple]] | None = None
        self._writes: dict[bytes, bytes | None] = {}
        self._moved: dict[Node, bytes] = {}  # strong identifiers whose record leads elsewhere now, with its key
        self._absent: dict[Node, bytes] = {}  # strong identifiers that this batch has not found, with their keys
        self.united: dict[
            Node, tuple[Couple, bytes, bytes]
        ] = {}  # couples of this batch by their first, with their keys
        self.unfolded: list[Component] = []  # those of them that are couples no longer

    def find(self, identifier: Node) -> Component | None:
        """Return the component of a strong identifier, None if nothing is known about it."""
        component = self._components.get(identifier)
        if component is not None:
            return component
        found = self.look(identifier)
        return self._unfold(found) if isinstance(found, tuple) else found

    def look(self, identifier: Node) -> Component | Couple | None:
        """Return the component or the couple of a strong identifier, None if nothing is known about it."""
        found = self._components.get(identifier) or self._couples.get(identifier)
        if found is not None or identifier in self._absent:
            return found
        if self._earlier is not None:
            found = self._earlier[0].get(identifier) or self._earlier[2].get(identifier)
        if found is None:
            key = strong_key(identifier)
            record = self._get(key)
            if record is None:
                self._absent[identifier] = key
                return None
            found = self._decode(record)
        if isinstance(found, tuple):
            self._couples[found[0]] = self._couples[found[1]] = found
        else:
            for member in found.members:
                self._components[member] = found
        return found

    def _decode(self, record: bytes) -> Component | Couple:
        if record.startswith(b">"):
            pointed = self._get(record[1:])
            if pointed is None:
                raise LookupError("The identity store is damaged: a key leads nowhere. Restore it from its changelog.")
            record = pointed
        return decode_component(record)

    def _unfold(self, couple: Couple) -> Component:
        a, b, _ = couple
        united = self.united.pop(a, None)
        component = unfold(couple, self._policy, is_settled=united is None)
        if united is not None:
            self._moved[a], self._moved[b] = united[1:]
            self.unfolded.append(component)
        for identifier in (a, b):
            self._couples.pop(identifier, None)
            self._components[identifier] = component
        return component

    def unite(self, a: Node, b: Node, when: Moment) -> None:
        """Make two identifiers that were not found a couple."""
        couple = self._couples[a] = self._couples[b] = (a, b, when)
        self.united[a] = (couple, self._absent.pop(a), self._absent.pop(b))

    def admit(self, component: Component, identifier: Node) -> Member:
        """Make an identifier that was not found a member of a component, and return what is known now."""
        member = component.members[identifier] = Member()
        self._components[identifier] = component
        self._moved[identifier] = self._absent.pop(identifier)
        return member

    def forget(self, identifier: Node, member: Member) -> None:
        """Remove a strong identifier's record: it is as if it had never been found."""
        for kept in (self._components, *(() if self._earlier is None else self._earlier[:1])):
            kept.pop(identifier, None)
        self._moved.pop(identifier, None)
        key = self._absent[identifier] = strong_key(identifier)
        self._writes[key] = None
        for number in range(member.chunks):
            self._writes[logins_key(identifier, number)] = None

    def place(self, component: Component, *moved: Node) -> None:
        """Make `component` the one of these members."""
        for identifier in moved:
            self._components[identifier] = component
            self._moved[identifier] = strong_key(identifier)

    def device(self, weak: Node) -> Device:
        """Return the device of a weak identifier, a new one if nothing is known about it."""
        device = self._devices.get(weak)
        if device is None:
            device = None if self._earlier is None else self._earlier[1].get(weak)
            if device is None:
                device = decode_device(weak, self._get)
                device.recut()
            self._devices[weak] = device
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
        united, self.united, self.unfolded = self.united, {}, []
        for couple, key_a, key_b in united.values():
            writes[key_a] = encode_couple(couple, self._policy)
            writes[key_b] = b">" + key_a
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
        if len(self._components) + len(self._devices) + len(self._couples) // COUPLES_FOR_ONE > self._capacity:
            self._earlier = (self._components, self._devices, self._couples)
            self._components, self._devices, self._couples = {}, {}, {}
        return writes
