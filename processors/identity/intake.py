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
        a, b, when = Identifier(item[1], item[2]), Identifier(item[3], item[4]), (item[5], item[6], item[7])
        if a == b or self._is_either_blocked(a, b):
            return
        self._graph.seen(a, when)
        self._graph.seen(b, when)
        self._graph.together(a, b, when)

    def _login(self, item: Item) -> None:
        weak, strong = Identifier(item[1], item[2]), Identifier(item[3], item[4])
        if self._is_either_blocked(weak, strong):
            return
        when = (item[5], item[6], item[7])
        self._graph.known(weak)
        self._graph.seen(strong, when)
        self._graph.logged_in(weak, strong, when)

    def _is_either_blocked(self, a: Identifier, b: Identifier) -> bool:
        """Tell whether the policy blocks one of two; the other is carried by an event all the same."""
        blocked = (self._is_blocked(a), self._is_blocked(b))
        if not any(blocked):
            return False
        for identifier, is_blocked in zip((a, b), blocked, strict=True):
            if not is_blocked:
                self._graph.known(identifier)
        return True

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
        graph, pair = self._graph, (read, address)
        # Events that carry nothing else are no evidence: nobody would tell whether the other spelling exists.
        graph.known(address)
        graph.known(read)
        if pair not in graph.component(address).spelt:
            graph.touch(address).spelt.add(pair)
            graph.touch(read).spelt.add(pair)
            if not graph.member(address).shared and not graph.member(read).shared:
                graph.merge(read, address)

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
            self._withdraw_links(identifier, at)
            graph.release(identifier, at)
        graph.touched.released(identifier, item[3], at, item[4])

    def _withdraw_links(self, identifier: Identifier, at: int) -> None:
        """A release ends the links that operators had made before."""
        for pair, ruling in list(self._graph.component(identifier).rulings.items()):
            if identifier in pair and ruling.kind == "link" and ruling.at < at:
                for other in pair:
                    self._graph.touch(other).rulings.pop(pair, None)
                self._graph.touched.act(pair, ruling, "withdrawn")
