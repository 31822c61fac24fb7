"""What the writer knows about strong identifiers: one component for all that the evidence connects.

A component is the unit of computation and of storage: what is learnt about a member can change the grouping of this
component only. All that is kept is evidence, and what was last published about it.
"""

from processors.identity.grouping import REDUNDANT, Grouping, Moment, Node, Pair
from schemas.identifier import uuid5_text


class Member:
    """A strong identifier. Most are as new ones are, but for their owner: defaults stand in the class, which is
    cheap."""

    owner: Node | None = None  # strongest of its profile, as published; None: nothing published
    neighbours = 0  # how many identifiers of stronger types the evidence pairs it with
    logged_in: Moment | None = None  # its earliest login on a weak identifier
    released: int | None = None  # evidence from before this instant is forgotten
    shared = False  # too many neighbours: it joins nothing
    shared_at: Moment | None = None  # the evidence that made it shared
    unknown = False  # only alias calls have named it; whether any event carries it was asked (`asked`)
    asked = False
    weak: list[Node] | None = None  # the newest weak identifiers that it logged in on; the others are in
    chunks = 0  # so many records of their own

    def remembers(self, when: Moment) -> bool:
        """Tell whether evidence of that moment counts for this identifier: it was not released afterwards."""
        return self.released is None or when[0] >= self.released


class Evidence:
    """What is known about a pair: its earliest moment, what became of it, and what was published of that."""

    __slots__ = ("outcome", "told", "when")

    def __init__(self, when: Moment, outcome: str = REDUNDANT) -> None:
        self.when = when
        self.outcome = outcome
        self.told: tuple[str, Moment] | None = None  # outcome and moment; None: nothing


class Ruling:
    """The newest of the operators' decisions on a pair: a link or a split."""

    __slots__ = ("at", "decision_id", "kind", "operator", "place", "reason", "refused", "told")

    def __init__(self, at: int, decision_id: str, kind: str, reason: str, operator: str, place: int) -> None:
        self.at = at
        self.decision_id = decision_id
        self.kind = kind
        self.reason = reason
        self.operator = operator
        self.place = place  # among the pairs of one split
        self.refused = False  # a link that a newer link together with a split rules out
        self.told: bool | None = None  # `refused`, as published

    def order(self) -> tuple[int, str, str]:
        """Return the sort key by which one ruling is newer than another."""
        return (self.at, self.decision_id, self.kind)

    def public_id(self) -> str:
        """Return the id under which it is published: the operator's for the first pair, one derived for each other."""
        return uuid5_text(f"{self.decision_id}:{self.place}") if self.place else self.decision_id


class Rare:
    """What few components have; every one with a member that is shared, was released or is unknown has it."""

    __slots__ = ("apart", "rulings", "spellings")

    def __init__(self) -> None:
        # Pairs that connect nothing, with the member that keeps them. The other one is shared (outcome "shared"), or
        # was released afterwards (outcome ""): then the pair is kept only because the member counts its neighbours.
        self.apart: dict[tuple[Node, Pair], Evidence] = {}
        self.rulings: dict[Pair, Ruling] = {}
        # (address as its provider reads it, address): one mailbox under the policy.
        self.spellings: dict[Pair, Evidence] = {}


class Component:
    """Strong identifiers that the evidence connects, shared ones left out; a shared one is a component of its own."""

    __slots__ = ("grouping", "members", "pairs", "rare", "root", "touched")

    def __init__(self, root: Node) -> None:
        self.root = root  # the member under whose key the record is stored
        self.members: dict[Node, Member] = {}
        self.pairs: dict[Pair, Evidence] = {}
        self.rare: Rare | None = None
        self.grouping: Grouping | None = None  # kept between batches where making it anew would take long
        self.touched = False  # by the present batch

    def holds(self, pair: Pair) -> bool:
        """Tell whether both identifiers are members."""
        return pair[0] in self.members and pair[1] in self.members

    def exceptions(self) -> Rare:
        """Return what few components have, to add to it."""
        if self.rare is None:
            self.rare = Rare()
        return self.rare

    def absorb(self, other: "Component") -> None:
        """Take over everything that `other` knows, and leave it without members."""
        self.members.update(other.members)
        self.pairs.update(other.pairs)
        if other.rare is not None:
            mine = self.exceptions()
            mine.apart.update(other.rare.apart)
            mine.rulings.update(other.rare.rulings)
            mine.spellings.update(other.rare.spellings)
        self.grouping = None
        other.members = {}

    def pieces(self) -> list["Component"]:
        """Return what this component falls into where nothing connects its members, and leave it without members."""
        piece_of: dict[Node, Component] = {}
        for identifier, member in self.members.items():
            piece_of[identifier] = Component(identifier)
            piece_of[identifier].members[identifier] = member
            if member.shared or member.unknown or member.released is not None:
                piece_of[identifier].exceptions()
        rare = self.rare or Rare()
        for a, b in (*self.pairs, *rare.rulings, *rare.spellings):
            if a in piece_of and b in piece_of and piece_of[a] is not piece_of[b]:
                one, other = piece_of[a], piece_of[b]
                if len(one.members) < len(other.members):
                    one, other = other, one
                one.members.update(other.members)
                for identifier in other.members:
                    piece_of[identifier] = one
        for pair, evidence in self.pairs.items():
            piece_of[pair[0]].pairs[pair] = evidence
        for (holder, pair), evidence in rare.apart.items():
            piece_of[holder].exceptions().apart[holder, pair] = evidence
        for pair, ruling in rare.rulings.items():
            for identifier in piece_of.keys() & pair:
                piece_of[identifier].exceptions().rulings[pair] = ruling
        for pair, evidence in rare.spellings.items():
            for identifier in piece_of.keys() & pair:
                piece_of[identifier].exceptions().spellings[pair] = evidence
        self.members = {}
        return list({id(piece): piece for piece in piece_of.values()}.values())
