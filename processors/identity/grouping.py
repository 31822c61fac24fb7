"""Which identifiers are one person: greedy union in canonical order, refusing what would break a limit.

The order of the input decides and nothing else: operators' links first, then the pairs of the evidence, sorted by
`join_key`. So the outcome is a function of the set of evidence, however and whenever it arrived.
"""

from collections.abc import Iterable, Sequence

from processors.identity.policy import Policy
from schemas.identifier import Identifier

Pair = tuple[Identifier, Identifier]
Moment = tuple[int, str, str]  # (t, message_id, event_id)
JoinKey = tuple[int, int, int, str, str, Identifier, Identifier]

JOINED = "join"
REDUNDANT = ""
BY_OPERATOR = "operator"
SHARED = "shared"


def join_key(policy: Policy, a: Identifier, b: Identifier, when: Moment) -> JoinKey:
    """Return the place of a pair in the canonical order: types (stronger member first), time, message id, event id."""
    rank_a, rank_b = policy.rank(a[0]), policy.rank(b[0])
    if rank_b < rank_a:
        rank_a, rank_b = rank_b, rank_a
    return (rank_a, rank_b, when[0], when[1], when[2], a, b)


class _Group:
    """A set of joined identifiers, with how many of each limited type it holds."""

    __slots__ = ("counts", "members")

    def __init__(self, member: Identifier) -> None:
        self.members = [member]
        self.counts = {member[0]: 1}


class Grouping:
    """The groups after all joins so far. Linked identifiers count as one towards the limits."""

    def __init__(self, policy: Policy, members: Iterable[Identifier], splits: Iterable[Pair] = ()) -> None:
        self._policy = policy
        self._group_of = {member: _Group(member) for member in members}
        self._apart: dict[Identifier, set[Identifier]] = {}
        for a, b in splits:
            self._apart.setdefault(a, set()).add(b)
            self._apart.setdefault(b, set()).add(a)

    def link(self, links: Sequence[Pair]) -> list[str]:
        """Join linked identifiers, in the given order, before anything else; return an outcome for each."""
        outcomes = []
        for a, b in links:
            left, right = self._group_of[a], self._group_of[b]
            if left is right:
                outcomes.append(REDUNDANT)
            elif self._is_split(left, right):
                outcomes.append(BY_OPERATOR)
            else:
                united = self._unite(left, right)
                united.counts = dict.fromkeys(united.counts, 1)
                outcomes.append(JOINED)
        return outcomes

    def join(self, a: Identifier, b: Identifier) -> str:
        """Join two identifiers' groups unless that breaks a split or a limit; return the outcome or the refusing
        rule."""
        left, right = self._group_of[a], self._group_of[b]
        if left is right:
            return REDUNDANT
        if self._apart and self._is_split(left, right):
            return BY_OPERATOR
        if (type_ := self._full_type(left, right)) is not None:
            return f"limit:{type_}"
        self._unite(left, right)
        return JOINED

    def groups(self) -> list[list[Identifier]]:
        """Return the members of every group, in no particular order."""
        return [group.members for group in {id(group): group for group in self._group_of.values()}.values()]

    def _is_split(self, left: _Group, right: _Group) -> bool:
        if len(left.members) > len(right.members):
            left, right = right, left
        apart, group_of = self._apart, self._group_of
        return any(group_of.get(other) is right for member in left.members for other in apart.get(member, ()))

    def _full_type(self, left: _Group, right: _Group) -> str | None:
        """Return the strongest type of which the united group would hold too many, None if it may be united."""
        if len(left.counts) > len(right.counts):
            left, right = right, left
        full = [
            type_
            for type_, count in left.counts.items()
            if type_ in right.counts
            and (limit := self._policy.limit(type_)) is not None
            and count + right.counts[type_] > limit
        ]
        return min(full, key=lambda type_: (self._policy.rank(type_), type_)) if full else None

    def _unite(self, left: _Group, right: _Group) -> _Group:
        if len(left.members) < len(right.members):
            left, right = right, left
        left.members += right.members
        for type_, count in right.counts.items():
            left.counts[type_] = left.counts.get(type_, 0) + count
        for member in right.members:
            self._group_of[member] = left
        return left
