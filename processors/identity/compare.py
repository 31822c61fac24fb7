"""How two generations of the writer's state differ: what has to be published when the one takes the place of the other.

Piece by piece, so that a comparison of millions of people is many short steps. What is published twice because the
newer generation has moved on in between is the same as before: consumers keep the newest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from processors.identity import decisions
from processors.identity.component import Component, Rare
from processors.identity.decisions import Change
from processors.identity.device import Device
from processors.identity.generation import COMPONENTS, DEVICES, POINTER, Generation, Reading, chunks_of, identifier_of
from processors.identity.grouping import Moment, Node, Pair
from processors.identity.outcome import Owned
from processors.identity.policy import Policy
from processors.identity.slices import bounds

Told = dict[tuple[Pair, str, Moment], None]  # decisions about pairs as published: outcome and moment of each


@dataclass(slots=True)
class Difference:
    """What differs: assignments, decisions, and which strong identifiers have moved from whom to whom.

    `joins` are decisions that bring people together, by the person afterwards; `parts` those that take one apart, by
    the person before.
    """

    owned: list[Owned] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    moves: dict[Node, tuple[Node, Node]] = field(default_factory=dict)
    joins: list[tuple[Node, Change]] = field(default_factory=list)
    parts: list[tuple[Node, Change]] = field(default_factory=list)


Place = tuple[int, bytes]  # the pass, 0 to 3, and the last key of it that is done (b"": none)
BEGINNING: Place = (0, b"")
PASSES = 4


def compare(
    before: Generation, after: Generation, policies: tuple[Policy, Policy], place: Place, most: int
) -> tuple[Difference, Place | None]:
    """Return the next piece of the difference, at most that many records of it, and where to go on (None: all done)."""
    number, key = place
    comparison = Comparison(Reading(before, policies[0]), Reading(after, policies[1]))
    kind = COMPONENTS if number < 2 else DEVICES
    keys = (before, after)[number % 2].keys(kind, key, most)
    named = [identifier_of(key) for key in keys if not _is_same(before, after, key)]
    match number:
        case 0:
            found = comparison.gone(named)
        case 1:
            found = comparison.come(named)
        case _:
            found = comparison.devices(named, only_new=number == 3)
    if len(keys) == most:
        return found, (number, keys[-1])
    return found, (number + 1, b"") if number + 1 < PASSES else None


def _is_same(before: Generation, after: Generation, key: bytes) -> bool:
    """Tell whether both hold the same, byte for byte, as they do of most people: then nothing need be decoded."""
    record = before.get(key)
    if record is None or record != after.get(key):
        return False
    if record.startswith(POINTER):
        return _is_same(before, after, record[1:])
    return not key.startswith(DEVICES) or all(before.get(chunk) == after.get(chunk) for chunk in chunks_of(key, record))


class Comparison:
    """One step: `before` and `after` as they stand now.

    Identifier by identifier, since the newer generation goes on being folded: components move under other keys, their
    identifiers stay.
    """

    def __init__(self, before: Reading, after: Reading) -> None:
        self._before = before
        self._after = after
        self._told: dict[int, dict[Node, Told]] = {}  # by component

    def gone(self, identifiers: Iterable[Node]) -> Difference:
        """Return what the older generation says of these and the newer does not."""
        found = Difference()
        for identifier in identifiers:
            component = self._before.component(identifier)
            if component is not None:
                self._gone(identifier, component, found)
        return found

    def come(self, identifiers: Iterable[Node]) -> Difference:
        """Return what the newer generation says of these and the older did not."""
        found = Difference()
        for identifier in identifiers:
            component = self._after.component(identifier)
            if component is not None:
                self._come(identifier, component, found)
        return found

    def devices(self, weak: Iterable[Node], *, only_new: bool) -> Difference:
        """Return how weak identifiers are cut otherwise; `only_new`: only those that the older generation has not."""
        found = Difference()
        for identifier in weak:
            before = self._before.device(identifier)
            if before is None or not only_new:
                _device(before or Device(identifier), self._after.device(identifier) or Device(identifier), found)
        return found

    def _gone(self, identifier: Node, component: Component, found: Difference) -> None:
        member, now = component.members[identifier], self._after.member(identifier)
        before, after = member.owner or identifier, self._after.owner(identifier)
        if before != after:
            found.moves[identifier] = (before, after)
            found.owned.append((identifier, None, None, after))
        if member.shared and member.shared_at is not None and not (now is not None and now.shared):
            found.changes.append(decisions.shared_no_longer(identifier, after, member.shared_at))
        for pair, outcome, when in self._told_by(component, identifier):
            if not self._is_told(self._after, pair, outcome, when):
                found.changes.append(decisions.went(pair, outcome, when, self._owners(pair)))

    def _come(self, identifier: Node, component: Component, found: Difference) -> None:
        member, before = component.members[identifier], self._before.member(identifier)
        if before is None and member.owner is not None:
            if member.owner != identifier:
                found.moves[identifier] = (identifier, member.owner)
            found.owned.append((identifier, None, None, member.owner))
        if member.shared and member.shared_at is not None and not (before is not None and before.shared):
            found.changes.append(decisions.shared(identifier, member.shared_at))
            found.parts.append((self._before.owner(identifier), found.changes[-1]))
        for pair, outcome, when in self._told_by(component, identifier):
            if self._has_moved(pair) or not self._is_told(self._before, pair, outcome, when):
                change = decisions.came(pair, outcome, when, self._owners(pair))
                found.changes.append(change)
                self._give_reason(pair, change, found)
        for pair, ruling in component.rare.rulings.items() if component.rare is not None else ():
            if pair[0] == identifier and (self._has_moved(pair) or self._is_refused(pair) is not ruling.refused):
                found.changes.append(decisions.ruled(pair, ruling, self._owners(pair), stands=True))

    def _give_reason(self, pair: Pair, change: Change, found: Difference) -> None:
        a, b = self._before.owner(pair[0]), self._before.owner(pair[1])
        if change[0] == "join" and a != b:
            found.joins.append((change[3], change))
        elif change[0] == "refuse" and a == b and change[3] != change[4]:
            found.parts.append((a, change))

    def _owners(self, pair: Pair) -> tuple[Node, Node]:
        return self._after.owner(pair[0]), self._after.owner(pair[1])

    def _has_moved(self, pair: Pair) -> bool:
        return (self._before.owner(pair[0]), self._before.owner(pair[1])) != self._owners(pair)

    def _is_refused(self, pair: Pair) -> bool | None:
        """Tell whether an operator's link was refused in the older generation; None: it knows of no such ruling."""
        component = self._before.component(pair[0])
        ruling = None if component is None or component.rare is None else component.rare.rulings.get(pair)
        return None if ruling is None else ruling.refused

    def _is_told(self, reading: Reading, pair: Pair, outcome: str, when: Moment) -> bool:
        """Tell whether a generation says the same of a pair; what is kept apart is with either of the two."""
        components = [reading.component(identifier) for identifier in pair]
        return any(
            (pair, outcome, when) in self._told_by(component, identifier)
            for component in components
            if component is not None
            for identifier in pair
        )

    def _told_by(self, component: Component, identifier: Node) -> Told:
        """Return what was published about the pairs that an identifier keeps: of a component's pairs the first does."""
        kept = self._told.get(id(component))
        if kept is None:
            kept = self._told[id(component)] = _told(component)
        return kept.get(identifier, _NOTHING)


_NOTHING: Final[Told] = {}


def _told(component: Component) -> dict[Node, Told]:
    rare = component.rare or Rare()
    kept = [(pair[0], pair, evidence) for pair, evidence in component.pairs.items()]
    kept += [(holder, pair, evidence) for (holder, pair), evidence in rare.apart.items()]
    # Where one of them is shared, both have a record of it; it is said once.
    kept += [(pair[0], pair, evidence) for pair, evidence in rare.spellings.items()]
    found: dict[Node, Told] = {}
    for holder, pair, evidence in kept:
        if evidence.outcome:
            found.setdefault(holder, {})[pair, evidence.outcome, evidence.when] = None
    return found


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
