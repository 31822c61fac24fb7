"""Taking items in: what each kind of evidence says about the graph.

Items that name an identifier which the policy blocks say nothing.
"""

from collections.abc import Callable

from processors.identity.component import Ruling
from processors.identity.evidence import Item
from processors.identity.graph import Graph
from processors.identity.grouping import Pair
from processors.identity.normalise import fold_provider
from schemas.identifier import Identifier, is_weak


class Intake:
    """Items on their way into a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._is_blocked = graph.policy.is_blocked
        self._handlers: dict[str, Callable[[Item], None]] = {
            "pair": self._pair,
            "login": self._login,
            "alias": self._alias,
            "spelling": self._spelling,
            "known": self._known,
            "link": self._link,
            "split": self._split,
            "release": self._release,
        }

    def take(self, item: Item) -> None:
        """Take in one item. Raises `ValueError` for an unknown kind."""
        handler = self._handlers.get(item[0])
        if handler is None:
            raise ValueError(f"unknown evidence {item[0]!r}: update the identity writer before the workers")
        handler(item)

    def _pair(self, item: Item) -> None:
        a, b = Identifier(item[1], item[2]), Identifier(item[3], item[4])
        if a == b or self._is_blocked(a) or self._is_blocked(b):
            return
        when = (item[5], item[6], item[7])
        self._graph.seen(a, when)
        self._graph.seen(b, when)
        self._graph.together(a, b, when)

    def _login(self, item: Item) -> None:
        weak, strong = Identifier(item[1], item[2]), Identifier(item[3], item[4])
        if self._is_blocked(weak) or self._is_blocked(strong):
            return
        when = (item[5], item[6], item[7])
        self._graph.known(weak)
        self._graph.seen(strong, when)
        self._graph.logged_in(weak, strong, when)

    def _alias(self, item: Item) -> None:
        user, when = Identifier("user_id", item[1]), (item[3], item[4], item[5])
        as_user, as_anonymous = Identifier("user_id", item[2]), Identifier("anonymous_id", item[2])
        if user == as_user or self._is_blocked(user):
            return
        self._graph.known(user)
        if not self._is_blocked(as_user):
            self._graph.ask(as_user)
            self._graph.together(min(user, as_user), max(user, as_user), when)
        if not self._is_blocked(as_anonymous):
            self._graph.ask(as_anonymous)
            self._graph.logged_in(as_anonymous, user, when)

    def _spelling(self, item: Item) -> None:
        address, read = Identifier("email", item[1]), Identifier("email", fold_provider(item[1]))
        if not self._graph.policy.fold_email_providers or address == read:
            return
        if self._is_blocked(address) or self._is_blocked(read):
            return
        self._graph.known(address)
        if not self._graph.member(address).shared and not self._graph.member(read).shared:
            self._graph.merge(address, read).spelt.add((read, address))

    def _known(self, item: Item) -> None:
        self._graph.known(Identifier(item[1], item[2]))

    def _link(self, item: Item) -> None:
        a, b = sorted((Identifier(item[1], item[2]), Identifier(item[3], item[4])))
        self._rule((a, b), Ruling(item[7], item[5], "link", item[6], item[8], 0))

    def _split(self, item: Item) -> None:
        from_ = Identifier(item[2], item[3])
        for place, named in enumerate(item[1]):
            a, b = sorted((Identifier(*named), from_))
            self._rule((a, b), Ruling(item[6], item[4], "split", item[5], item[7], place))

    def _rule(self, pair: Pair, ruling: Ruling) -> None:
        """The newest of the operators' decisions on a pair stands."""
        a, b = pair
        graph, touched = self._graph, self._graph.touched
        if a == b or (ruling.kind == "link" and not all(graph.member(x).remembers((ruling.at, "", "")) for x in pair)):
            return
        component, other = graph.touch(a), graph.touch(b)
        standing = component.rulings.get(pair)
        if standing is not None:
            if standing.order() >= ruling.order():
                return
            touched.act(pair, standing, "withdrawn")
        component.rulings[pair] = other.rulings[pair] = ruling
        component.members[a].known = other.members[b].known = True
        if not component.members[a].shared and not other.members[b].shared:
            graph.merge(a, b)
        touched.act(pair, ruling, "link" if ruling.kind == "link" else "unlink")

    def _release(self, item: Item) -> None:
        identifier, at = Identifier(item[1], item[2]), item[5]
        graph = self._graph
        released = (graph.store.device(identifier) if is_weak(identifier.type) else graph.member(identifier)).released
        if released is not None and released >= at:
            return
        if is_weak(identifier.type):
            graph.store.device(identifier).release(at)
            graph.touched.device(identifier)
        else:
            self._forget(identifier, at)
        graph.touched.released(identifier, item[3], at, item[4])

    def _forget(self, identifier: Identifier, at: int) -> None:
        """Undo what a strong identifier's evidence and links from before its release have led to."""
        graph = self._graph
        component = graph.touch(identifier)
        member = component.members[identifier]
        member.released, member.known = at, True
        for pair, ruling in [entry for entry in component.rulings.items() if identifier in entry[0]]:
            if ruling.kind == "link" and ruling.at < at:
                for other in pair:
                    graph.touch(other).rulings.pop(pair, None)
                graph.touched.act(pair, ruling, "withdrawn")
        if member.first is not None and not member.remembers(member.first):
            member.first = None
        if member.shared:
            member.shared = False
            for pair in [pair for pair in component.rulings if identifier in pair]:
                if not any(graph.member(other).shared for other in pair):
                    component = graph.merge(*pair)
        member.neighbours = sum(
            graph.counted_by(pair) == identifier and member.remembers(evidence.when)
            for table in (component.pairs, component.apart)
            for pair, evidence in table.items()
            if identifier in pair
        )
        for weak in sorted(member.weak):
            graph.touched.device(weak, identifier)
