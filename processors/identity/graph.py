"""The evidence as a graph under construction: what one item of evidence does to components and devices.

Every operation is idempotent and they commute: items may come in any order and any number of times. Each touches what
has to be settled afterwards.
"""

from processors.identity.component import Component, Evidence, Member
from processors.identity.device import Device
from processors.identity.evidence import Watch
from processors.identity.grouping import SHARED, Moment, Pair
from processors.identity.policy import Policy
from processors.identity.store import Store
from processors.identity.touched import Touched
from schemas.identifier import Identifier, is_weak


class Graph:
    """Components and devices, under one policy. `questions` collects what the workers must be asked."""

    def __init__(self, policy: Policy, store: Store) -> None:
        self.policy = policy
        self.store = store
        self.touched = Touched()
        self.questions: list[Watch] = []

    def component(self, identifier: Identifier) -> Component:
        """Return the component of a strong identifier; a new one if nothing is known about it."""
        component = self.store.component(identifier)
        if component is None:
            component = Component(identifier)
            self.store.place(component, identifier)
        return component

    def member(self, identifier: Identifier) -> Member:
        """Return what is known about a strong identifier."""
        return self.component(identifier).members[identifier]

    def touch(self, identifier: Identifier) -> Component:
        """Return the component of a strong identifier, to be changed now and grouped anew later."""
        component = self.component(identifier)
        self.touched.component(component, identifier)
        return component

    def merge(self, a: Identifier, b: Identifier) -> Component:
        """Make the components of two strong identifiers one, and return it."""
        one, other = self.touch(a), self.touch(b)
        if one is other:
            return one
        if len(one.members) < len(other.members):
            one, other = other, one
        one.absorb(other)
        self.store.place(one, *other.members)
        return one

    def seen(self, identifier: Identifier, when: Moment) -> None:
        """A strong identifier is carried by an event that is evidence, at that moment."""
        self.known(identifier)
        member = self.member(identifier)
        if member.remembers(when) and (member.first is None or when < member.first):
            self.touch(identifier)
            member.first = when

    def known(self, identifier: Identifier) -> None:
        """Some event carries the identifier."""
        if not self._held(identifier).known:
            self._held(identifier).known = True
            self._touch_either(identifier)

    def ask(self, identifier: Identifier) -> None:
        """Ask whether some event carries the identifier, unless that is known or was asked before."""
        held = self._held(identifier)
        if not held.known and not held.asked:
            held.asked = True
            self._touch_either(identifier)
            self.questions.append(Watch(identifier, None))

    def together(self, a: Identifier, b: Identifier, when: Moment) -> None:
        """Two strong identifiers were seen together at that moment."""
        if self.member(a).shared or self.member(b).shared:
            for identifier in (a, b):
                if not self.member(identifier).shared:
                    component = self.component(identifier)
                    self._note(component, component.apart, (a, b), when, identifier)
            return
        component = self.merge(a, b) if self.component(a) is not self.component(b) else self.component(a)
        self._note(component, component.pairs, (a, b), when, a)

    def logged_in(self, weak: Identifier, strong: Identifier, when: Moment) -> None:
        """A strong identifier was used on a weak one at that moment."""
        device = self.store.device(weak)
        if device.shared or (device.released is not None and when[0] < device.released):
            return
        if device.add(strong, when):
            if len(device.users) > self.policy.shared_threshold:
                device.share(when)
            elif weak not in self.member(strong).weak:
                self.touch(strong).members[strong].weak.add(weak)
            self.touched.device(weak, strong)

    def counted_by(self, pair: Pair) -> Identifier | None:
        """Return the member of a pair to which the other is a neighbour of stronger type; None if they are equals."""
        rank_a, rank_b = self.policy.rank(pair[0].type), self.policy.rank(pair[1].type)
        return None if rank_a == rank_b else pair[0] if rank_a > rank_b else pair[1]

    def _note(
        self, component: Component, table: dict[Pair, Evidence], pair: Pair, when: Moment, touched: Identifier
    ) -> None:
        """Keep the earliest moment of a pair that counts, and count neighbours."""
        members = [component.members[identifier] for identifier in pair if identifier in component.members]
        counted_by = self.counted_by(pair)
        counter = None if counted_by is None else component.members.get(counted_by)
        evidence = table.get(pair)
        if evidence is None and table is component.pairs:
            evidence = component.apart.get(pair)  # one of the two was shared until it was released

        def order(moment: Moment) -> tuple[bool, bool, Moment]:
            remembered = all(member.remembers(moment) for member in members)
            return (not remembered, counter is not None and not counter.remembers(moment), moment)

        if evidence is not None and pair in table and order(evidence.when) <= order(when):
            return
        self.touch(touched)
        counted = evidence is not None and counter is not None and counter.remembers(evidence.when)
        if evidence is None:
            table[pair] = Evidence(when, SHARED if table is component.apart else "")
        else:
            component.apart.pop(pair, None)
            table[pair] = Evidence(min(when, evidence.when, key=order), evidence.outcome)
        if counter is not None and counted_by is not None and not counted and counter.remembers(table[pair].when):
            counter.neighbours += 1
            if counter.neighbours > self.policy.shared_threshold:
                self._share(component, counted_by, when)

    def _share(self, component: Component, identifier: Identifier, when: Moment) -> None:
        """Take an identifier that has become shared out of its component, which falls to pieces without it."""
        member = component.members.pop(identifier)
        member.shared = True
        self.touched.shared[identifier] = when
        self.touched.members[identifier] = None
        for weak in sorted(member.weak):
            self.touched.device(weak, identifier)
        alone = Component(identifier)
        alone.members[identifier] = member
        alone.rulings = {pair: ruling for pair, ruling in component.rulings.items() if identifier in pair}
        self.store.place(alone, identifier)
        for pair in [pair for pair in component.pairs if identifier in pair]:
            component.apart[pair] = Evidence(component.pairs.pop(pair).when, SHARED)
        component.spelt = {pair for pair in component.spelt if identifier not in pair}
        for piece in component.pieces():
            self.store.place(piece, *piece.members)
            self.touched.members[piece.root] = None

    def _held(self, identifier: Identifier) -> Member | Device:
        return self.store.device(identifier) if is_weak(identifier.type) else self.member(identifier)

    def _touch_either(self, identifier: Identifier) -> None:
        if is_weak(identifier.type):
            self.touched.device(identifier)
        else:
            self.touch(identifier)
