"""What a batch has touched: the components and devices to settle, and what is to be taken back or reported."""

from dataclasses import dataclass, field

from processors.identity.component import Component, Evidence, Ruling
from processors.identity.evidence import Watch
from processors.identity.grouping import Moment, Node, Pair


@dataclass(slots=True)
class Released:
    """An operator's release, to be published."""

    identifier: Node
    decision_id: str
    at: int
    reason: str


@dataclass(slots=True)
class Touched:
    """The working set of one batch."""

    components: list[Component] = field(default_factory=list)  # to group anew; those without members are gone
    devices: dict[Node, dict[Node, None]] = field(default_factory=dict)  # weak: users to look up again
    watches: dict[Watch, None] = field(default_factory=dict)
    gone: list[tuple[Pair, Evidence]] = field(default_factory=list)  # pairs that are evidence no longer
    overruled: list[tuple[Pair, Ruling]] = field(default_factory=list)
    shared: dict[Node, Moment] = field(default_factory=dict)  # strong identifiers that have just become shared
    released: list[Released] = field(default_factory=list)
    erased: list[tuple[Node, int | None]] = field(default_factory=list)  # slices of what was forgotten, by their start

    def component(self, component: Component) -> None:
        """Have a component grouped anew and written."""
        if not component.touched:
            component.touched = True
            self.components.append(component)

    def device(self, weak: Node, *users: Node) -> None:
        """Have a device cut anew and written, after looking at these users of it again."""
        held = self.devices.setdefault(weak, {})
        for user in users:
            held[user] = None
