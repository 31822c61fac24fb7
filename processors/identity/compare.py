"""How two generations of the writer's state differ: what has to be published when the one takes the place of the other.

Piece by piece, so that a comparison of millions of people is many short steps. What is published twice because the
newer generation has moved on in between is the same as before: consumers keep the newest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from processors.identity import decisions
from processors.identity.component import Component, Evidence
from processors.identity.decisions import Change
from processors.identity.device import Device
from processors.identity.generation import Reading
from processors.identity.grouping import Moment, Node, Pair
from processors.identity.outcome import Owned
from processors.identity.slices import bounds

Told = dict[tuple[Pair, str, Moment], None]  # decisions about pairs as published: outcome and moment of each


@dataclass(slots=True)
class Difference:
    """What differs: assignments, decisions, and which strong identifiers have moved from whom to whom."""

    owned: list[Owned] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    moves: dict[Node, tuple[Node, Node]] = field(default_factory=dict)


class Comparison:
    """One step: `before` and `after` as they stand now."""

    def __init__(self, before: Reading, after: Reading) -> None:
        self._before = before
        self._after = after

    def gone(self, identifiers: Iterable[Node]) -> Difference:
        """Return what stands no longer of the older generation's components that are stored under `identifiers`."""
        found = Difference()
        for identifier in identifiers:
            component = self._before.component(identifier)
            if component is not None:
                self._component_gone(component, found)
        return found

    def come(self, identifiers: Iterable[Node]) -> Difference:
        """Return what the newer generation's components, stored under `identifiers`, say that the older did not."""
        found = Difference()
        for identifier in identifiers:
            component = self._after.component(identifier)
            if component is not None:
                self._component_come(component, found)
        return found

    def devices(self, weak: Iterable[Node], *, only_new: bool) -> Difference:
        """Return how weak identifiers are cut otherwise; `only_new`: only those that the older generation has not."""
        found = Difference()
        for identifier in weak:
            before = self._before.device(identifier)
            if before is None or not only_new:
                _device(before or Device(identifier), self._after.device(identifier) or Device(identifier), found)
        return found

    def _component_gone(self, component: Component, found: Difference) -> None:
        for identifier, member in component.members.items():
            before, after = member.owner or identifier, self._after.owner(identifier)
            if before != after:
                found.moves[identifier] = (before, after)
                found.owned.append((identifier, None, None, after))
            now = self._after.member(identifier)
            if member.shared and member.shared_at is not None and not (now is not None and now.shared):
                found.changes.append(decisions.shared_no_longer(identifier, after, member.shared_at))
        for pair, outcome, when in told(component):
            if (pair, outcome, when) not in self._told_of(self._after, pair):
                owners = (self._after.owner(pair[0]), self._after.owner(pair[1]))
                found.changes.append(decisions.went(pair, outcome, when, owners))

    def _component_come(self, component: Component, found: Difference) -> None:
        changed = set()
        for identifier, member in component.members.items():
            before = self._before.member(identifier)
            if before is None and member.owner is not None:
                found.moves[identifier] = (identifier, member.owner)
                found.owned.append((identifier, None, None, member.owner))
            if self._before.owner(identifier) != (member.owner or identifier):
                changed.add(identifier)
            if member.shared and member.shared_at is not None and not (before is not None and before.shared):
                found.changes.append(decisions.shared(identifier, member.shared_at))
        for pair, outcome, when in told(component):
            if not changed.isdisjoint(pair) or (pair, outcome, when) not in self._told_of(self._before, pair):
                found.changes.append(decisions.came(pair, outcome, when, self._owners(pair)))
        for pair, ruling in component.rare.rulings.items() if component.rare is not None else ():
            if pair[0] in component.members and (
                not changed.isdisjoint(pair) or self._is_refused_before(pair) is not ruling.refused
            ):
                found.changes.append(decisions.ruled(pair, ruling, self._owners(pair), stands=True))

    def _owners(self, pair: Pair) -> tuple[Node, Node]:
        return self._after.owner(pair[0]), self._after.owner(pair[1])

    def _is_refused_before(self, pair: Pair) -> bool | None:
        component = self._before.component(pair[0])
        ruling = None if component is None or component.rare is None else component.rare.rulings.get(pair)
        return None if ruling is None else ruling.refused

    def _told_of(self, reading: Reading, pair: Pair) -> Told:
        found: Told = {}
        for identifier in pair:
            component = reading.component(identifier)
            if component is not None:
                found.update(_told_about(component, pair))
        return found


def told(component: Component) -> Told:
    """Return everything that was published about the pairs of a component."""
    found: Told = {}
    for pair, evidence in component.pairs.items():
        _note(found, pair, evidence)
    if component.rare is not None:
        for (_, pair), evidence in component.rare.apart.items():
            _note(found, pair, evidence)
        for pair, evidence in component.rare.spellings.items():
            _note(found, pair, evidence)
    return found


def _told_about(component: Component, pair: Pair) -> Told:
    found: Told = {}
    _note(found, pair, component.pairs.get(pair))
    if component.rare is not None:
        for holder in pair:
            _note(found, pair, component.rare.apart.get((holder, pair)))
        _note(found, pair, component.rare.spellings.get(pair))
    return found


def _note(found: Told, pair: Pair, evidence: Evidence | None) -> None:
    if evidence is not None and evidence.outcome:
        found[pair, evidence.outcome, evidence.when] = None


def _device(before: Device, after: Device, found: Difference) -> None:
    old, new = bounds(before.slices), bounds(after.slices)
    found.owned += [(after.weak, start, None, None) for start in old if start not in new]
    found.owned += [(after.weak, start, *slice_) for start, slice_ in new.items() if old.get(start) != slice_]
    was = before.shared_at if before.known else None
    now = after.shared_at if after.known else None
    if now is not None and was is None:
        found.changes.append(decisions.shared(after.weak, now))
    if was is not None and now is None:
        found.changes.append(decisions.shared_no_longer(after.weak, after.weak, was))
