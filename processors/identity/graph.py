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
        one, other = self.component(a), self.component(b)
        if one is other:
            return one
        self.touch(a)
        self.touch(b)
        if len(one.members) < len(other.members):
            one, other = other, one
        one.absorb(other)
        self.store.place(one, *other.members)
        # Where both are members now, one was shared until it was released: the pair counts again.
        again = [key for key, evidence in one.apart.items() if evidence.outcome == SHARED and one.holds(key[1])]
        moments = [one.apart.pop(key).when for key in again]
        for holder, pair in again:
            if self.counted_by(pair) == holder:
                one.members[holder].neighbours -= 1
        for (_, pair), when in zip(again, moments, strict=True):
            self.together(*pair, when)
        return self.component(a)

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
        pair, mine, other = (a, b), self.member(a), self.member(b)
        if not mine.remembers(when) or not other.remembers(when):
            counter = self.counted_by(pair)
            if counter is not None and self.member(counter).remembers(when) and not self.member(counter).shared:
                self._keep_apart(counter, pair, when, "")
        elif mine.shared or other.shared:
            for identifier, member in ((a, mine), (b, other)):
                if not member.shared:
                    self._keep_apart(identifier, pair, when, SHARED)
        else:
            component = self.merge(a, b)
            if mine.shared or other.shared:  # since what had been kept apart counts again
                self.together(a, b, when)
            else:
                self._keep(component, pair, when)

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

    def release(self, identifier: Identifier, at: int) -> None:
        """Forget a strong identifier's evidence from before the instant `at`, and what followed from it."""
        component = self.touch(identifier)
        member = component.members[identifier]
        member.released = at
        if member.first is not None and not member.remembers(member.first):
            member.first = None
        for weak in sorted(member.weak):
            self.touched.device(weak, identifier)
        if member.shared:
            member.shared, member.neighbours = False, 0
            for a, b in [pair for pair in (*component.rulings, *component.spelt) if identifier in pair]:
                if not self.member(a).shared and not self.member(b).shared:
                    self.merge(a, b)
            return
        for pair in [pair for pair in component.pairs if identifier in pair]:
            evidence = component.pairs[pair]
            if not member.remembers(evidence.when):
                del component.pairs[pair]
                counter = self.counted_by(pair)
                if counter == identifier:
                    member.neighbours -= 1
                elif counter is not None:
                    component.apart[counter, pair] = Evidence(evidence.when)
        for holder, pair in [key for key in component.apart if key[0] == identifier]:
            if not member.remembers(component.apart[holder, pair].when):
                del component.apart[holder, pair]
                member.neighbours -= self.counted_by(pair) == identifier
        self._fall_to_pieces(component)

    def _keep(self, component: Component, pair: Pair, when: Moment) -> None:
        """Keep the earliest moment of a pair that connects its component."""
        evidence = component.pairs.get(pair)
        if evidence is not None and evidence.when <= when:
            return
        self.touch(pair[0])
        if evidence is not None:
            component.pairs[pair] = Evidence(when, evidence.outcome)
            return
        component.pairs[pair] = Evidence(when)
        counter = self.counted_by(pair)
        if counter is not None and component.apart.pop((counter, pair), None) is None:
            self._count(counter, when)

    def _keep_apart(self, holder: Identifier, pair: Pair, when: Moment, outcome: str) -> None:
        """Keep a pair that connects nothing: the earliest moment at which it would, else the earliest of all."""
        component = self.component(holder)
        evidence = component.apart.get((holder, pair))
        if evidence is not None and (evidence.outcome != SHARED, evidence.when) <= (outcome != SHARED, when):
            return
        if pair in component.pairs:
            return
        self.touch(holder)
        component.apart[holder, pair] = Evidence(when, outcome)
        if evidence is None and self.counted_by(pair) == holder:
            self._count(holder, when)

    def _count(self, identifier: Identifier, when: Moment) -> None:
        """Count a neighbour of stronger type; too many make the identifier shared."""
        member = self.member(identifier)
        member.neighbours += 1
        if member.neighbours > self.policy.shared_threshold:
            self._share(identifier, when)

    def _share(self, identifier: Identifier, when: Moment) -> None:
        """Take an identifier that has become shared out of its component, which falls to pieces without it."""
        component = self.component(identifier)
        member = component.members.pop(identifier)
        member.shared = True
        self.touched.shared[identifier] = when
        self.touched.members[identifier] = None
        for weak in sorted(member.weak):
            self.touched.device(weak, identifier)
        alone = Component(identifier)
        alone.members[identifier] = member
        alone.rulings = {pair: ruling for pair, ruling in component.rulings.items() if identifier in pair}
        alone.spelt = {pair for pair in component.spelt if identifier in pair}
        self.store.place(alone, identifier)
        for pair in [pair for pair in component.pairs if identifier in pair]:
            other = pair[1] if pair[0] == identifier else pair[0]
            component.apart[other, pair] = Evidence(component.pairs.pop(pair).when, SHARED)
        for key in [key for key in component.apart if key[0] == identifier]:
            del component.apart[key]
        self._fall_to_pieces(component)

    def _fall_to_pieces(self, component: Component) -> None:
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
