"""What another policy would change, summed up: people joined, people split, examples with their reasons.

Built piece by piece from the comparison of two generations; memory grows with what differs, not with the world.
"""

from dataclasses import dataclass, field
from typing import Final

from processors.identity.compare import Difference
from processors.identity.decisions import Change, Seeds, decision
from processors.identity.grouping import Node
from processors.identity.policy import Policy
from processors.identity.words import decision_in_words, named
from schemas.identifier import Identifier, seed_of

MOST_EXAMPLES: Final = 10
MOST_REASONS: Final = 3
# People for whom reasons are kept, so that examples have them.
_MOST_EXPLAINED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Example:
    """One person that becomes several, or several that become one: `person` before or afterwards, `others` beside."""

    person: Node
    others: list[Node]
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole difference. A person is named by its strongest identifier."""

    joined: dict[Node, list[Node]]  # person afterwards: the people that it is made of, of whom there are several
    split: dict[Node, list[Node]]  # person before: the people that it becomes
    renamed: dict[Node, Node]  # person before: the same person, known by another identifier afterwards
    moved: int  # strong identifiers that belong to another profile afterwards
    slices: int  # stretches of browsers and devices that do
    joins: list[Example]
    splits: list[Example]

    def touched(self) -> list[str]:
        """Return the ids of all profiles that differ, before or afterwards, in order."""
        people = {*self.joined, *self.split, *self.renamed, *self.renamed.values()}
        people.update(*self.joined.values(), *self.split.values())
        return sorted(seed_of(Identifier(*person)) for person in people)


@dataclass(slots=True)
class Planning:
    """A plan in the making, from one policy to another: `add` every piece, then `plan`."""

    before: Policy
    after: Policy
    moves: dict[Node, tuple[Node, Node]] = field(default_factory=dict)
    slices: int = 0
    _joins: dict[Node, list[Change]] = field(default_factory=dict)
    _parts: dict[Node, list[Change]] = field(default_factory=dict)

    def add(self, difference: Difference) -> None:
        """Take in the next piece of the comparison."""
        self.moves.update(difference.moves)
        strong = len([1 for identifier, *_ in difference.owned if identifier[0] not in ("anonymous_id", "device_id")])
        self.slices += len(difference.owned) - strong
        for kept, found in ((self._joins, difference.joins), (self._parts, difference.parts)):
            for person, change in found:
                if person in kept or len(kept) < _MOST_EXPLAINED:
                    reasons = kept.setdefault(person, [])
                    if len(reasons) < MOST_REASONS:
                        reasons.append(change)

    def plan(self) -> Plan:
        """Return the plan."""
        of_new: dict[Node, set[Node]] = {}
        of_old: dict[Node, set[Node]] = {}
        for old, new in self.moves.values():
            of_new.setdefault(new, set()).add(old)
            of_old.setdefault(old, set()).add(new)
        # Who is known by an identifier that has not moved was that person before, and is afterwards.
        for new, olds in of_new.items():
            if new not in self.moves:
                olds.add(new)
        for old, news in of_old.items():
            if old not in self.moves:
                news.add(old)
        joined = {new: sorted(olds) for new, olds in sorted(of_new.items()) if len(olds) > 1}
        split = {old: sorted(news) for old, news in sorted(of_old.items()) if len(news) > 1}
        renamed = {
            old: new
            for old, news in sorted(of_old.items())
            if len(news) == 1 and (new := min(news)) != old and len(of_new[new]) == 1
        }
        joins = [self._example(person, joined[person], self._joins) for person in _first(joined, self._joins)]
        splits = [self._example(person, split[person], self._parts) for person in _first(split, self._parts)]
        return Plan(joined, split, renamed, len(self.moves), self.slices, joins, splits)

    def _example(self, person: Node, people: list[Node], changes: dict[Node, list[Change]]) -> Example:
        others = [other for other in people if other != person]
        reasons = [decision_in_words(decision(change, 0, Seeds())) for change in changes.get(person, ())]
        for other in others:
            if self.after.is_blocked(other) != self.before.is_blocked(other) and len(reasons) < MOST_REASONS:
                no_longer = "" if self.after.is_blocked(other) else " no longer"
                reasons.append(f"The policy blocks {named({'type': other[0], 'value': other[1]})}{no_longer}.")
        return Example(person, others, reasons)


def _first(people: dict[Node, list[Node]], reasons: dict[Node, list[Change]]) -> list[Node]:
    """Return some people, those first for whom there is a reason to tell."""
    return sorted(people, key=lambda person: (person not in reasons, person))[:MOST_EXAMPLES]
