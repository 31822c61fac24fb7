"""Taking items in: what each kind of evidence says about the graph.

Items that name an identifier which the policy blocks say nothing, but that an event carries the other one.
"""

from collections.abc import Callable, Iterable

from processors.identity.component import Evidence, Ruling
from processors.identity.evidence import Item
from processors.identity.forgetting import forget
from processors.identity.graph import Graph
from processors.identity.grouping import Node
from processors.identity.normalise import fold_provider
from processors.identity.touched import Released
from schemas.identifier import is_weak


class Intake:
    """Items on their way into a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._touched = graph.touched
        self._handlers: dict[str, Callable[[Item], None]] = {
            "pair": self._pair,
            "login": self._login,
            "alias": self._alias,
            "spelling": self._spelling,
            "known": self._known,
            "link": self._link,
            "split": self._split,
            "release": self._release,
            "erase": self._erase,
        }

    def take(self, items: Iterable[Item]) -> None:
        """Take in items. Raises `ValueError` for one of an unknown kind."""
        handlers = self._handlers
        for item in items:
            handler = handlers.get(item[0])
            if handler is None:
                raise ValueError(f"unknown evidence {item[0]!r}: update the identity writer before the workers")
            handler(item)

    def _pair(self, item: Item) -> None:
        _, a_type, a_value, b_type, b_value, t, message_id, event_id = item
        a, b, when = (a_type, a_value), (b_type, b_value), (t, message_id, event_id)
        if a == b or (self._graph.policy.blocked and self._is_either_blocked(a, b)):
            return
        self._graph.together(a, b, when)

    def _login(self, item: Item) -> None:
        _, weak_type, weak_value, type_, value, t, message_id, event_id = item
        weak, strong, when = (weak_type, weak_value), (type_, value), (t, message_id, event_id)
        graph = self._graph
        if graph.policy.blocked and self._is_either_blocked(weak, strong):
            return
        graph.known(weak)
        graph.known(strong)
        graph.used(strong, when)
        graph.logged_in(weak, strong, when)

    def _alias(self, item: Item) -> None:
        _, value, previous, t, message_id, event_id = item
        user, as_user, as_anonymous = ("user_id", value), ("user_id", previous), ("anonymous_id", previous)
        when, graph = (t, message_id, event_id), self._graph
        if user == as_user or graph.policy.is_blocked(user):
            return
        graph.known(user)
        if not graph.policy.is_blocked(as_user):
            graph.ask(as_user)
            graph.together(min(user, as_user), max(user, as_user), when, is_reading=True)
        if not graph.policy.is_blocked(as_anonymous):
            graph.ask(as_anonymous)
            graph.logged_in(as_anonymous, user, when)

    def _spelling(self, item: Item) -> None:
        _, value, t, message_id, event_id = item
        address, read = ("email", value), ("email", fold_provider(value))
        graph, pair, when = self._graph, (read, address), (t, message_id, event_id)
        if not graph.policy.fold_email_providers or address == read or self._is_either_blocked(address, read):
            return
        # Events that carry nothing else are no evidence: nobody would tell whether the other spelling exists.
        graph.known(address)
        graph.known(read)
        for holder in pair:
            rare = graph.component(holder).exceptions()
            evidence = rare.spellings.get(pair)
            if evidence is not None and evidence.when <= when:
                return
            graph.touch(holder).grouping = None
            rare.spellings[pair] = evidence = evidence or Evidence(when)
            evidence.when = when
        if not graph.member(address).shared and not graph.member(read).shared:
            graph.merge(read, address)

    def _known(self, item: Item) -> None:
        self._graph.known((item[1], item[2]))

    def _is_either_blocked(self, a: Node, b: Node) -> bool:
        blocked = [identifier for identifier in (a, b) if self._graph.policy.is_blocked(identifier)]
        if len(blocked) == 1:
            self._graph.known(a if blocked[0] == b else b)
        return bool(blocked)

    def _link(self, item: Item) -> None:
        _, a_type, a_value, b_type, b_value, decision_id, reason, at, operator = item
        self._rule((a_type, a_value), (b_type, b_value), Ruling(at, decision_id, "link", reason, operator, 0))

    def _split(self, item: Item) -> None:
        _, named, from_type, from_value, decision_id, reason, at, operator = item
        for place, (type_, value) in enumerate(named):
            ruling = Ruling(at, decision_id, "split", reason, operator, place)
            self._rule((type_, value), (from_type, from_value), ruling)

    def _rule(self, one: Node, other: Node, ruling: Ruling) -> None:
        """The newest of the operators' decisions on a pair stands."""
        if one == other:
            return
        graph, pair = self._graph, (min(one, other), max(one, other))
        if ruling.kind == "link" and not all(graph.member(x).remembers((ruling.at, "", "")) for x in pair):
            return
        standing = graph.component(one).exceptions().rulings.get(pair)
        if standing is not None:
            if standing.order() >= ruling.order():
                return
            self._touched.overruled.append((pair, standing))
        for identifier in pair:
            component = graph.touch(identifier)
            component.exceptions().rulings[pair] = ruling
            component.members[identifier].unknown = False
            component.grouping = None
        if not graph.member(one).shared and not graph.member(other).shared:
            graph.merge(*pair)

    def _release(self, item: Item) -> None:
        _, type_, value, decision_id, reason, at, _operator = item
        identifier, graph = (type_, value), self._graph
        if is_weak(type_):
            device = graph.store.device(identifier)
            if device.released is not None and device.released >= at:
                return
            device.release(at)
            graph.touched.device(identifier)
        else:
            component = graph.store.find(identifier)
            released = None if component is None else component.members[identifier].released
            if released is not None and released >= at:
                return
            graph.release(identifier, at)
            self._withdraw_links(identifier, at)
        self._touched.released.append(Released(identifier, decision_id, at, reason))

    def _erase(self, item: Item) -> None:
        for type_, value in item[3]:
            forget(self._graph, (type_, value))

    def _withdraw_links(self, identifier: Node, at: int) -> None:
        """A release ends the links that operators had made before."""
        graph = self._graph
        for pair, ruling in list(graph.component(identifier).exceptions().rulings.items()):
            if identifier in pair and ruling.kind == "link" and ruling.at < at:
                for other in pair:
                    component = graph.touch(other)
                    component.grouping = None
                    component.exceptions().rulings.pop(pair, None)
                self._touched.overruled.append((pair, ruling))
