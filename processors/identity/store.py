"""The fold's records, decoded while they are in use: components by their root, devices by their identifier.

A strong identifier's key leads to its component's record, or to the identifier whose key does (one step, never more).
What was decoded stays in memory up to a number of records; what a batch changed leaves as `writes`.
"""

from collections.abc import Callable

from processors.identity.component import Component
from processors.identity.device import Device
from schemas.codec import dumps, loads
from schemas.identifier import Identifier

Get = Callable[[bytes], bytes | None]


def strong_key(identifier: Identifier) -> bytes:
    """Return the key of what is known about a strong identifier."""
    return f"i:{identifier[0]}\0{identifier[1]}".encode()


def weak_key(identifier: Identifier) -> bytes:
    """Return the key of what is known about a weak identifier."""
    return f"w:{identifier[0]}\0{identifier[1]}".encode()


class Store:
    """Components and devices, loaded when asked for. `capacity` bounds the identifiers kept between batches."""

    def __init__(self, get: Get, capacity: int) -> None:
        self._get = get
        self._capacity = capacity
        self._components: dict[Identifier, Component] = {}  # by every member
        self._devices: dict[Identifier, Device] = {}
        self._changed: dict[Identifier, None] = {}  # strong identifiers whose record is to be written, in order
        self._changed_devices: dict[Identifier, None] = {}

    def component(self, identifier: Identifier) -> Component | None:
        """Return the component of a strong identifier, None if nothing is known about it."""
        found = self._components.get(identifier)
        if found is not None:
            return found
        record = self._get(strong_key(identifier))
        if record is None:
            return None
        if record.startswith(b'["'):
            type_, value = loads(record)
            record = self._get(strong_key(Identifier(type_, value)))
            if record is None:
                raise LookupError(
                    f"The identity store is damaged: {type_} leads nowhere. Restore it from its changelog."
                )
        component = Component.decode(record)
        for member in component.members:
            self._components[member] = component
        return component

    def device(self, weak: Identifier) -> Device:
        """Return the device of a weak identifier, an empty one if nothing is known about it."""
        device = self._devices.get(weak)
        if device is None:
            record = self._get(weak_key(weak))
            device = Device(weak) if record is None else Device.decode(weak, record)
            self._devices[weak] = device
        return device

    def place(self, component: Component, *moved: Identifier) -> None:
        """Make `component` the one of these members, to be written where they lead to."""
        for identifier in moved:
            self._components[identifier] = component
            self._changed[identifier] = None
        self._changed[component.root] = None

    def changed(self, component: Component) -> None:
        """Have the component's record written."""
        self._changed[component.root] = None

    def changed_device(self, device: Device) -> None:
        """Have the device's record written."""
        self._changed_devices[device.weak] = None

    def take_writes(self) -> dict[bytes, bytes | None]:
        """Return what the store must hold from now on, and forget what was not in use lately if there is too much."""
        writes: dict[bytes, bytes | None] = {}
        for identifier in self._changed:
            component = self._components[identifier]
            is_root = component.root == identifier
            writes[strong_key(identifier)] = component.encode() if is_root else dumps(list(component.root))
        for weak in self._changed_devices:
            writes[weak_key(weak)] = self._devices[weak].encode()
        self._changed, self._changed_devices = {}, {}
        if len(self._components) + len(self._devices) > self._capacity:
            self._components, self._devices = {}, {}
        return writes
