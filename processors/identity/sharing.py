"""Identifiers that too many people share: how neighbours are counted, and what becomes of pairs that join nothing.

An identifier that the evidence pairs with more identifiers of stronger types than the policy's threshold is shared. It
leaves its component, which falls to pieces without it, and each of its pairs stays with the other identifier, apart.
"""

from copy import copy

from processors.identity.component import Component, Evidence, Member
from processors.identity.grouping import SHARED, Moment, Node, Pair
from processors.identity.policy import Policy
from processors.identity.store import Store
from processors.identity.touched import Touched


class Sharing:
    """Components under one policy, as far as they come apart; `graph.Graph` is the rest."""

    def __init__(self, policy: Policy, store: Store) -> None:
        self.policy = policy
        self.store = store
        self.touched = Touched()

    def component(self, identifier: Node) -> Component:
        """Return the component of a strong identifier; a new one if nothing is known about it."""
        component = self.store.find(identifier)
        if component is None:
            component = Component(identifier)
            self.store.admit(component, identifier)
            self.touched.component(component)
        return component

    def member(self, identifier: Node) -> Member:
        """Return what is known about a strong identifier."""
        return self.component(identifier).members[identifier]

    def counted_by(self, pair: Pair) -> Node | None:
        """Return the member of a pair to which the other is a neighbour of stronger type; None if they are equals."""
        rank = self.policy.rank
        a, b = rank[pair[0][0]], rank[pair[1][0]]
        return None if a == b else pair[0] if a > b else pair[1]

    def count(self, component: Component, identifier: Node, when: Moment) -> None:
        """Count one more neighbour of stronger type; too many make the identifier shared."""
        member = component.members[identifier]
        member.neighbours += 1
        if member.neighbours > self.policy.shared_threshold:
            self._share(component, identifier, when)

    def keep_apart(self, holder: Node, pair: Pair, when: Moment, outcome: str) -> None:
        """Keep a pair that connects nothing: the earliest moment at which it would, else the earliest of all."""
        component = self.component(holder)
        apart = component.exceptions().apart
        evidence = apart.get((holder, pair))
        if pair in component.pairs or (
            evidence is not None and (evidence.outcome != SHARED, evidence.when) <= (outcome != SHARED, when)
        ):
            return
        self.touched.component(component)
        if component.grouping is not None:
            component.grouping.disturbed.add(holder)
        if evidence is None:
            apart[holder, pair] = Evidence(when, outcome)
            if self.counted_by(pair) == holder:
                self.count(component, holder, when)
        else:
            evidence.when, evidence.outcome = when, outcome

    def fall_to_pieces(self, component: Component) -> None:
        """Replace a component that may not be connected any more by its connected parts."""
        for piece in component.pieces():
            self.store.place(piece, *piece.members)
            self.touched.component(piece)

    def _share(self, component: Component, identifier: Node, when: Moment) -> None:
        member = component.members.pop(identifier)
        member.shared, member.shared_at = True, when
        self.touched.shared[identifier] = when
        for weak in self.store.weak_of(identifier, member):
            self.touched.device(weak, identifier)
        alone = Component(identifier)
        alone.members[identifier] = member
        self.store.place(alone, identifier)
        self.touched.component(alone)
        rare = component.exceptions()
        for pair in [pair for pair in component.pairs if identifier in pair]:
            evidence = component.pairs.pop(pair)
            evidence.outcome = SHARED
            rare.apart[pair[1] if pair[0] == identifier else pair[0], pair] = evidence
        for key in [key for key in rare.apart if key[0] == identifier]:
            self.touched.gone.append((key[1], rare.apart.pop(key)))
        # Both components have them from now on, and each learns more about them by itself, as after a restart.
        rulings = {pair: copy(ruling) for pair, ruling in rare.rulings.items() if identifier in pair}
        spellings = {pair: copy(evidence) for pair, evidence in rare.spellings.items() if identifier in pair}
        alone.exceptions().rulings, alone.exceptions().spellings = rulings, spellings
        self.fall_to_pieces(component)
