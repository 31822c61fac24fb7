"""Two identifiers seen together, and nothing else known of either: what most evidence is, and so kept small and fast.

A couple says what a component of two members and one pair says. It is unfolded into one as soon as there is more to
know.
"""

from processors.identity.component import Component, Evidence, Member
from processors.identity.grouping import JOINED, Moment, Node
from processors.identity.outcome import Outcome
from processors.identity.policy import Policy
from schemas.codec import dumps

Couple = tuple[Node, Node, Moment]  # the two as the evidence names them, and its earliest moment


def may_be_couple(a: Node, b: Node, policy: Policy) -> bool:
    """Tell whether two identifiers of which nothing is known may be joined."""
    if a[0] != b[0]:
        return True
    limit = policy.limit[a[0]]
    return limit is None or limit > 1


def owner_of(couple: Couple, policy: Policy) -> Node:
    """Return by whom a couple is known: the stronger; of equals, both being seen at one moment, the smaller value."""
    a, b, _ = couple
    rank_a, rank_b = policy.rank[a[0]], policy.rank[b[0]]
    if rank_a == rank_b:
        return a if (a[1], a[0]) < (b[1], b[0]) else b
    return a if rank_a < rank_b else b


def note(couple: Couple, policy: Policy, outcome: Outcome) -> None:
    """Note that two identifiers have become one person."""
    a, b, when = couple
    owner = owner_of(couple, policy)
    outcome.owned.append((a, None, None, owner))
    outcome.owned.append((b, None, None, owner))
    outcome.changes.append(("join", a, b, owner, owner, JOINED, when, None))


def encode_couple(couple: Couple, policy: Policy) -> bytes:
    """Return the record of a couple: that of the component which it unfolds into."""
    a, b, when = couple
    owner = 0 if owner_of(couple, policy) == a else 1
    rank_a, rank_b = policy.rank[a[0]], policy.rank[b[0]]
    rows: list[list[object]] = [[a[0], a[1], owner], [b[0], b[1], owner]]
    if rank_a != rank_b:
        rows[rank_a < rank_b].append(1)
    return dumps([0, rows, [[0, 1, *when, JOINED]]])


def unfold(couple: Couple, policy: Policy, *, is_settled: bool) -> Component:
    """Return the component that a couple stands for, as settled or as yet to be settled."""
    a, b, when = couple
    component = Component(a)
    component.members = {a: Member(), b: Member()}
    rank_a, rank_b = policy.rank[a[0]], policy.rank[b[0]]
    if rank_a != rank_b:
        component.members[b if rank_a < rank_b else a].neighbours = 1
    evidence = component.pairs[a, b] = Evidence(when)
    if is_settled:
        owner = owner_of(couple, policy)
        component.members[a].owner = component.members[b].owner = owner
        evidence.outcome, evidence.told = JOINED, (JOINED, when)
    return component
