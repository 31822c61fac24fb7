"""The evidence as a graph under construction: what one item of evidence does to components and devices.

Operations are idempotent and commute: items may come in any order and any number of times. Each touches what has to be
settled afterwards.
"""

from processors.identity.component import Component, Evidence, Member
from processors.identity.couples import may_be_couple
from processors.identity.device import Device, User
from processors.identity.evidence import Watch
from processors.identity.grouping import SHARED, Moment, Node, Pair, join_key
from processors.identity.sharing import Sharing
from schemas.identifier import Identifier, is_weak


class Graph(Sharing):
    """Components and devices, under one policy."""

    def touch(self, identifier: Node) -> Component:
        """Return the component of a strong identifier, to be changed now and settled later."""
        component = self.component(identifier)
        self.touched.component(component)
        return component

    def merge(self, a: Node, b: Node) -> Component:
        """Make the components of two strong identifiers one, and return it."""
        return self._merged(a, b, self.store.find(a), self.store.find(b))

    def _merged(self, a: Node, b: Node, one: Component | None, other: Component | None) -> Component:
        if one is None or other is None:
            return self._with_newcomer(a, b, one or other)
        if one is other:
            return one
        if len(one.members) < len(other.members):
            one, other = other, one
        self.store.place(one, *other.members)
        one.absorb(other)
        self.touched.component(one)
        if one.rare is not None and one.rare.apart:
            self._count_again(one)
        return self.component(a)

    def _with_newcomer(self, a: Node, b: Node, component: Component | None) -> Component:
        """Nothing was known about one of them, or both: it needs no component of its own."""
        if component is None:
            component = Component(a)
        for identifier in (a, b):
            if identifier not in component.members:
                self.store.admit(component, identifier)
                if component.grouping is not None:
                    component.grouping.admit(identifier)
        self.touched.component(component)
        return component

    def _count_again(self, component: Component) -> None:
        """Where both of a pair kept apart are members now, one was shared until it was released: the pair counts
        again."""
        apart = component.exceptions().apart
        again = [key for key, evidence in apart.items() if evidence.outcome == SHARED and component.holds(key[1])]
        evidences = [apart.pop(key) for key in again]
        for holder, pair in again:
            if self.counted_by(pair) == holder:
                component.members[holder].neighbours -= 1
        for (_, pair), evidence in zip(again, evidences, strict=True):
            self.touched.gone.append((pair, evidence))
            self.together(*pair, evidence.when)

    def known(self, identifier: Node) -> None:
        """Some event carries the identifier."""
        if is_weak(identifier[0]):
            device = self.store.device(identifier)
            if not device.known:
                device.become_known()
                self.touched.device(identifier)
        elif self.member(identifier).unknown:
            component = self.touch(identifier)
            component.members[identifier].unknown = False
            component.grouping = None

    def ask(self, identifier: Node) -> None:
        """Ask whether some event carries the identifier, unless that is known or was asked before."""
        held: Member | Device
        if is_weak(identifier[0]):
            held = self.store.device(identifier)
            is_known = held.known
            self.touched.device(identifier)
        else:
            is_new = self.store.find(identifier) is None
            component = self.touch(identifier)
            component.exceptions()
            held = component.members[identifier]
            held.unknown = held.unknown or is_new
            is_known = not held.unknown
        if not is_known and not held.asked:
            held.asked = True
            self.touched.watches[Watch(Identifier(*identifier), None)] = None

    def together(self, a: Node, b: Node, when: Moment, *, is_reading: bool = False) -> None:
        """Two strong identifiers were seen together at that moment; in an alias call's reading, or carried by an
        event."""
        pair, store = (a, b), self.store
        found = store.look(a)
        if isinstance(found, tuple) and found[1] == b and found[2] <= when:
            return  # nothing new, as most often
        one = store.find(a) if isinstance(found, tuple) else found
        if one is not None and one.rare is None:
            evidence = one.pairs.get(pair)
            if evidence is not None and evidence.when <= when:
                return
        other = store.find(b)
        if one is None and other is None and may_be_couple(a, b, self.policy):
            store.unite(a, b, when)
            return
        # Only where there are exceptions can one of them be unknown or shared, or have been released.
        is_rare = (one is not None and one.rare is not None) or (other is not None and other.rare is not None)
        if is_rare:
            if not is_reading:
                self.known(a)
                self.known(b)
            if self._is_kept_apart(pair, when):
                return
            one, other = store.find(a), store.find(b)
        component = self._merged(a, b, one, other)
        if is_rare and not component.holds(pair):  # what had been kept apart has made one of them shared
            self._is_kept_apart(pair, when)
        else:
            self._keep(component, pair, when)

    def _is_kept_apart(self, pair: Pair, when: Moment) -> bool:
        """Tell whether a pair connects nothing, and keep what is needed of it then."""
        members = [(identifier, self.store.find(identifier)) for identifier in pair]
        known = [component.members[identifier] for identifier, component in members if component is not None]
        if not all(member.remembers(when) for member in known):
            counter = self.counted_by(pair)
            if counter is not None:
                member = self.member(counter)
                if member.remembers(when) and not member.shared:
                    self.keep_apart(counter, pair, when, "")
            return True
        if any(member.shared for member in known):
            for identifier in pair:
                if not self.member(identifier).shared:
                    self.keep_apart(identifier, pair, when, SHARED)
            return True
        return False

    def _keep(self, component: Component, pair: Pair, when: Moment) -> None:
        """Keep the earliest moment of a pair that connects its component."""
        evidence = component.pairs.get(pair)
        if evidence is not None and evidence.when <= when:
            return
        self.touched.component(component)
        grouping = component.grouping
        if grouping is not None:
            grouping.disturbed.update(pair)
        if grouping is not None and not any(component.members[identifier].unknown for identifier in pair):
            if evidence is not None:
                grouping.remove(join_key(self.policy, *pair, evidence.when))
            grouping.add(join_key(self.policy, *pair, when))
        if evidence is not None:
            evidence.when = when
            return
        component.pairs[pair] = Evidence(when)
        counter = self.counted_by(pair)
        if counter is None:
            return
        if component.rare is not None and (counter, pair) in component.rare.apart:
            del component.rare.apart[counter, pair]  # counted already
        else:
            self.count(component, counter, when)

    def used(self, strong: Node, when: Moment) -> None:
        """A strong identifier was used on some weak one at that moment: evidence of it, whatever becomes of the
        login."""
        component = self.component(strong)
        member = component.members[strong]
        if member.remembers(when) and (member.logged_in is None or when < member.logged_in):
            self.touched.component(component)
            member.logged_in = when
            if component.grouping is not None:
                component.grouping.disturbed.add(strong)

    def logged_in(self, weak: Node, strong: Node, when: Moment) -> None:
        """A strong identifier was used on a weak one at that moment."""
        device = self.store.device(weak)
        if device.shared_at is not None or (device.released is not None and when[0] < device.released):
            return
        component = self.component(strong)
        member = component.members[strong]
        if strong not in device.users:
            device.users[strong] = User()
            self.touched.device(weak, strong)
            if len(device.users) > self.policy.shared_threshold:
                device.become_shared(when)
                return
            self.store.log_in(strong, member, weak)
            self.touched.component(component)
        if member.remembers(when):
            cut = device.log_in(strong, when)
            if device.recut_from is not None:
                self.touched.device(weak)
            if cut is not None:
                self.touched.watches[Watch(Identifier(*cut), Identifier(*weak))] = None

    def release(self, identifier: Node, at: int) -> None:
        """Forget a strong identifier's evidence from before the instant `at`, and what followed from it."""
        is_new = self.store.find(identifier) is None
        component = self.touch(identifier)
        member = component.members[identifier]
        apart = component.exceptions().apart
        member.released = at
        member.unknown = member.unknown or is_new
        if member.logged_in is not None and not member.remembers(member.logged_in):
            member.logged_in = None
        for weak in self.store.weak_of(identifier, member):
            self.touched.device(weak, identifier)
        if member.shared:
            member.shared, member.shared_at, member.neighbours = False, None, 0
            rare = component.exceptions()
            for a, b in (*rare.rulings, *rare.spellings):
                if not self.member(a).shared and not self.member(b).shared:
                    self.merge(a, b)
            return
        for pair in [pair for pair in component.pairs if identifier in pair]:
            evidence = component.pairs[pair]
            if not member.remembers(evidence.when):
                self.touched.gone.append((pair, component.pairs.pop(pair)))
                counter = self.counted_by(pair)
                if counter == identifier:
                    member.neighbours -= 1
                elif counter is not None:
                    apart[counter, pair] = Evidence(evidence.when)
        for key in [key for key in apart if key[0] == identifier and not member.remembers(apart[key].when)]:
            self.touched.gone.append((key[1], apart.pop(key)))
            member.neighbours -= self.counted_by(key[1]) == identifier
        self.fall_to_pieces(component)
