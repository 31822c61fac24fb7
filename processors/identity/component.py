"""What the writer knows about strong identifiers: one record per connected component of the evidence.

A component is the unit of computation and of storage: whatever is learnt about one of its members can change the
grouping of this component only. Everything kept here is evidence, or what was last published about it.
"""

from typing import Any, Final

from processors.identity.grouping import Moment, Pair
from schemas.codec import dumps, loads
from schemas.identifier import Identifier, uuid5_text

_KNOWN: Final = 1
_SHARED: Final = 2
_ASKED: Final = 4


class Member:
    """A strong identifier of a component."""

    __slots__ = ("asked", "first", "known", "neighbours", "owner", "released", "shared", "weak")

    def __init__(self) -> None:
        self.owner: Identifier | None = None  # strongest of its profile, as published; None: nothing published
        self.first: Moment | None = None  # the earliest evidence that names it
        self.neighbours = 0  # how many identifiers of stronger types the evidence pairs it with
        self.known = False  # some event carries it; otherwise only alias calls have named it
        self.shared = False  # it has too many of them, and joins nothing
        self.asked = False  # the unit that owns it was asked whether any event carries it
        self.released: int | None = None  # evidence from before this instant is forgotten
        self.weak: set[Identifier] = set()  # weak identifiers that it logged in on

    def remembers(self, when: Moment) -> bool:
        """Tell whether evidence of that moment counts for this identifier: it was not released afterwards."""
        return self.released is None or when[0] >= self.released


class Evidence:
    """What is known about a pair: its earliest moment, and what became of the join."""

    __slots__ = ("outcome", "when")

    def __init__(self, when: Moment, outcome: str = "") -> None:
        self.when = when
        self.outcome = outcome  # of grouping: joined, redundant, or the rule that refused it


class Ruling:
    """The newest of the operators' decisions on a pair: a link or a split."""

    __slots__ = ("at", "decision_id", "kind", "operator", "place", "reason")

    def __init__(self, at: int, decision_id: str, kind: str, reason: str, operator: str, place: int) -> None:
        self.at = at
        self.decision_id = decision_id
        self.kind = kind
        self.reason = reason
        self.operator = operator
        self.place = place  # among the pairs of one split

    def order(self) -> tuple[int, str, str]:
        """Return the sort key by which one ruling is newer than another."""
        return (self.at, self.decision_id, self.kind)

    def public_id(self) -> str:
        """Return the id under which it is published: the operator's for the first pair, one derived for each other."""
        return uuid5_text(f"{self.decision_id}:{self.place}") if self.place else self.decision_id


class Component:
    """Strong identifiers that the evidence connects, shared ones left out; a shared one is a component of its own."""

    __slots__ = ("apart", "members", "pairs", "root", "rulings", "spelt")

    def __init__(self, root: Identifier) -> None:
        self.root = root  # the member under whose key the record is stored
        self.members: dict[Identifier, Member] = {root: Member()}
        self.pairs: dict[Pair, Evidence] = {}
        # Pairs that connect nothing, with the member that keeps them: the other one is shared (outcome "shared"), or was
        # released afterwards (outcome ""); then the pair is kept only because the member counts its neighbours.
        self.apart: dict[tuple[Identifier, Pair], Evidence] = {}
        self.rulings: dict[Pair, Ruling] = {}
        self.spelt: set[Pair] = set()  # (address as its provider reads it, address): one mailbox

    def holds(self, pair: Pair) -> bool:
        """Tell whether both identifiers are members."""
        return pair[0] in self.members and pair[1] in self.members

    def absorb(self, other: "Component") -> None:
        """Take over everything that `other` knows; it must not be used afterwards."""
        self.members.update(other.members)
        self.pairs.update(other.pairs)
        self.apart.update(other.apart)
        self.rulings.update(other.rulings)
        self.spelt |= other.spelt

    def pieces(self) -> list["Component"]:
        """Return what this component falls into where nothing connects its members; it must not be used afterwards."""
        piece_of = {}
        for identifier, member in self.members.items():
            piece_of[identifier] = Component(identifier)
            piece_of[identifier].members[identifier] = member
        for a, b in (*self.pairs, *self.rulings, *self.spelt):
            if a in piece_of and b in piece_of and piece_of[a] is not piece_of[b]:
                one, other = piece_of[a], piece_of[b]
                if len(one.members) < len(other.members):
                    one, other = other, one
                one.members.update(other.members)
                for identifier in other.members:
                    piece_of[identifier] = one
        for pair, evidence in self.pairs.items():
            piece_of[pair[0]].pairs[pair] = evidence
        for (holder, pair), evidence in self.apart.items():
            piece_of[holder].apart[holder, pair] = evidence
        for pair, ruling in self.rulings.items():
            for identifier in piece_of.keys() & pair:
                piece_of[identifier].rulings[pair] = ruling
        for pair in self.spelt:
            for identifier in piece_of.keys() & pair:
                piece_of[identifier].spelt.add(pair)
        return list({id(piece): piece for piece in piece_of.values()}.values())

    def encode(self) -> bytes:
        """Return the record of this component; members stand in order, and elsewhere by their place in it."""
        members = sorted(self.members)
        place = {identifier: index for index, identifier in enumerate(members)}
        rows = []
        for identifier in members:
            member = self.members[identifier]
            flags = _KNOWN * member.known + _SHARED * member.shared + _ASKED * member.asked
            owner = -1 if member.owner is None else place[member.owner]
            weak = [list(one) for one in sorted(member.weak)]
            rows.append([*identifier, owner, flags, member.neighbours, member.released, member.first, weak])
        return dumps(
            [
                rows,
                [[place[a], place[b], *e.when, e.outcome] for (a, b), e in sorted(self.pairs.items(), key=_key)],
                [
                    [place[holder], *a, *b, *e.when, e.outcome]
                    for (holder, (a, b)), e in sorted(self.apart.items(), key=_key)
                ],
                [
                    [*a, *b, r.at, r.decision_id, r.kind, r.reason, r.operator, r.place]
                    for (a, b), r in sorted(self.rulings.items(), key=_key)
                ],
                [[*a, *b] for a, b in sorted(self.spelt)],
                place[self.root],
            ]
        )

    @classmethod
    def decode(cls, record: bytes) -> "Component":
        """Return the component that `encode` made a record of."""
        rows, pairs, apart, rulings, spelt, root = loads(record)
        members = [Identifier(row[0], row[1]) for row in rows]
        component = cls(members[root])
        component.members = {}
        for identifier, (_, _, owner, flags, neighbours, released, first, weak) in zip(members, rows, strict=True):
            member = component.members[identifier] = Member()
            member.owner = None if owner < 0 else members[owner]
            member.known, member.shared, member.asked = (
                bool(flags & _KNOWN),
                bool(flags & _SHARED),
                bool(flags & _ASKED),
            )
            member.neighbours, member.released = neighbours, released
            member.first = None if first is None else (first[0], first[1], first[2])
            member.weak = {Identifier(type_, value) for type_, value in weak}
        for a, b, t, message_id, event_id, outcome in pairs:
            component.pairs[members[a], members[b]] = Evidence((t, message_id, event_id), outcome)
        for holder, a_type, a_value, b_type, b_value, t, message_id, event_id, outcome in apart:
            pair = (Identifier(a_type, a_value), Identifier(b_type, b_value))
            component.apart[members[holder], pair] = Evidence((t, message_id, event_id), outcome)
        for a_type, a_value, b_type, b_value, *ruling in rulings:
            component.rulings[Identifier(a_type, a_value), Identifier(b_type, b_value)] = Ruling(*ruling)
        component.spelt = {(Identifier(*pair[:2]), Identifier(*pair[2:])) for pair in spelt}
        return component


def _key(entry: tuple[Any, Any]) -> Any:
    return entry[0]
