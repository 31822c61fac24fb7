"""Which identifiers are one person: greedy union in canonical order, refusing what would break a limit.

The order decides and nothing else: operators' links first, then the pairs of the evidence, sorted by `join_key`. So the
outcome is a function of the set of evidence, however and whenever it arrived. A pair that comes late takes its place in
the order, and only the joins from that place on are made anew.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from processors.identity.policy import Policy

Node = tuple[str, str]  # an identifier: (type, value)
Pair = tuple[Node, Node]
Moment = tuple[int, str, str]  # (t, message_id, event_id): the order of evidence
JoinKey = tuple[int, int, int, str, str, Node, Node]

# What becomes of a pair. Any other outcome is the rule that refused the join.
JOINED: Final = "join"
REDUNDANT: Final = ""
BY_OPERATOR: Final = "operator"
SHARED: Final = "shared"


def join_key(policy: Policy, a: Node, b: Node, when: Moment) -> JoinKey:
    """Return the place of a pair in the canonical order.

    By types (the stronger member's first, then the weaker's; types of equal rank are equal), time, message id, event
    id.
    """
    rank_a, rank_b = policy.rank[a[0]], policy.rank[b[0]]
    if rank_b < rank_a:
        rank_a, rank_b = rank_b, rank_a
    return (rank_a, rank_b, when[0], when[1], when[2], a, b)


class Group:
    """A set of joined identifiers, with how many of each type it holds."""

    __slots__ = ("counts", "members")

    def __init__(self, member: Node) -> None:
        self.members = [member]
        self.counts = {member[0]: 1}


class Grouping:
    """The groups after all joins. Linked identifiers count as one towards the limits."""

    def __init__(
        self, policy: Policy, members: Iterable[Node], links: Sequence[Pair] = (), splits: Iterable[Pair] = ()
    ) -> None:
        """Join `links` in the given order, before any pair; `splits` are never joined."""
        self._policy = policy
        self.group_of = {member: Group(member) for member in members}
        self._apart: dict[Node, set[Node]] = {}
        for a, b in splits:
            self._apart.setdefault(a, set()).add(b)
            self._apart.setdefault(b, set()).add(a)
        self.refused_links = [pair for pair in links if not self._link(*pair)]
        self._order: list[JoinKey] = []
        self._joins: list[tuple[Group, Group] | str] = []  # by place: the two that were united, or the outcome
        self.disturbed: set[Node] = set()  # members whose group has changed since this was last emptied

    def add(self, key: JoinKey) -> None:
        """Put a pair in its place; the joins from there on are undone until `run`."""
        place = bisect_left(self._order, key)
        self._rewind(place)
        self._order.insert(place, key)

    def add_all(self, keys: Iterable[JoinKey]) -> None:
        """Put many pairs in their places."""
        for key in keys:
            insort(self._order, key)
        self._rewind(0)

    def remove(self, key: JoinKey) -> None:
        """Take a pair out of its place."""
        place = bisect_left(self._order, key)
        self._rewind(place)
        del self._order[place]

    def admit(self, member: Node) -> None:
        """Add an identifier that nothing is joined with yet."""
        self.group_of[member] = Group(member)
        self.disturbed.add(member)

    def run(self) -> Iterator[tuple[Pair, str]]:
        """Join what is not joined yet, in order; yield each pair with its outcome."""
        for key in self._order[len(self._joins) :]:
            pair = (key[5], key[6])
            yield pair, self._join(*pair)

    def _join(self, a: Node, b: Node) -> str:
        left, right = self.group_of[a], self.group_of[b]
        outcome = REDUNDANT if left is right else self._obstacle(left, right) or JOINED
        self._joins.append(self._unite(left, right) if outcome == JOINED else outcome)
        return outcome

    def _link(self, a: Node, b: Node) -> bool:
        left, right = self.group_of[a], self.group_of[b]
        if left is not right:
            if self._is_split(left, right):
                return False
            united, _ = self._unite(left, right, is_link=True)
            united.counts = dict.fromkeys(united.counts, 1)
        return True

    def _obstacle(self, left: Group, right: Group) -> str | None:
        if self._apart and self._is_split(left, right):
            return BY_OPERATOR
        counts = right.counts
        limit = self._policy.limit
        full = [
            type_
            for type_, count in left.counts.items()
            if type_ in counts and (most := limit[type_]) is not None and count + counts[type_] > most
        ]
        return f"limit:{min(full, key=self._policy.strength_of_type)}" if full else None

    def _is_split(self, left: Group, right: Group) -> bool:
        if len(left.members) > len(right.members):
            left, right = right, left
        group_of = self.group_of
        return any(group_of.get(other) is right for member in left.members for other in self._apart.get(member, ()))

    def _unite(self, left: Group, right: Group, is_link: bool = False) -> tuple[Group, Group]:
        if len(left.members) < len(right.members):
            left, right = right, left
        if not is_link:
            self.disturbed.update(left.members, right.members)
        left.members += right.members
        for type_, count in right.counts.items():
            left.counts[type_] = left.counts.get(type_, 0) + count
        for member in right.members:
            self.group_of[member] = left
        return left, right

    def _rewind(self, place: int) -> None:
        """Undo the joins from `place` on, the last first: what was appended last is what is taken off."""
        while len(self._joins) > place:
            join = self._joins.pop()
            if isinstance(join, str):
                continue
            left, right = join
            self.disturbed.update(left.members)
            del left.members[-len(right.members) :]
            for type_, count in right.counts.items():
                left.counts[type_] -= count
                if not left.counts[type_]:
                    del left.counts[type_]
            for member in right.members:
                self.group_of[member] = right
