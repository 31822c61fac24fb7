"""Grouping a component anew: who its people are, and by which identifier each is known."""

from processors.identity.component import Component
from processors.identity.decisions import SPELLING
from processors.identity.grouping import (
    BY_OPERATOR,
    JOINED,
    REDUNDANT,
    SHARED,
    Grouping,
    JoinKey,
    Moment,
    Node,
    join_key,
)
from processors.identity.outcome import Outcome, Owned
from processors.identity.policy import Policy

# A component with more pairs than this keeps its grouping between batches: to make it anew would take milliseconds.
KEEP_GROUPING = 50
_NEVER: Moment = (1 << 62, "", "")


def regroup(component: Component, policy: Policy, outcome: Outcome) -> set[Node]:
    """Group a component, note who belongs to whom, and return the members that have changed hands."""
    members = component.members
    changed: set[Node] = set()
    if not component.pairs and component.rare is None and members[component.root].owner is None:
        return changed  # never named together with another strong identifier: its own profile, as nobody doubts
    for group in _groups(component, policy):
        owner = group[0] if len(group) == 1 else strongest(component, policy, group)
        for identifier in group:
            member = members[identifier]
            if member.owner != owner and not member.unknown:
                if (member.owner or identifier) != owner:
                    changed.add(identifier)
                member.owner = owner
                outcome.owned.append(Owned(identifier, None, None, owner))
    return changed


def _groups(component: Component, policy: Policy) -> list[list[Node]]:
    """Set the outcome of every pair, and return the groups that may have changed."""
    grouping = component.grouping
    if grouping is None:
        if _is_one_person(component, policy):
            for evidence in component.pairs.values():
                evidence.outcome = JOINED
            return [list(component.members)]
        grouping = _grouping(component, policy)
    for pair, joined in grouping.run():
        component.pairs[pair].outcome = joined
    groups = {id(group): group.members for member in grouping.disturbed for group in (grouping.group_of[member],)}
    grouping.disturbed = set()
    component.grouping = grouping if len(component.pairs) > KEEP_GROUPING else None
    return sorted(list(members) for members in groups.values())


def _is_one_person(component: Component, policy: Policy) -> bool:
    """Tell whether a component is a tree within all limits: joined in whatever order, it is one person."""
    if component.rare is not None or len(component.pairs) != len(component.members) - 1:
        return False
    counts: dict[str, int] = {}
    for (type_, _), member in component.members.items():
        if member.unknown:
            return False
        counts[type_] = counts.get(type_, 0) + 1
        limit = policy.limit[type_]
        if limit is not None and counts[type_] > limit:
            return False
    return True


def _grouping(component: Component, policy: Policy) -> Grouping:
    """Return the component's grouping with all links made and all pairs in their places, still to be joined."""
    members = component.members
    rare = component.rare
    links, splits = [], []
    if rare is not None:
        newest_first = sorted(rare.rulings.items(), key=lambda entry: entry[1].order(), reverse=True)
        links = [
            pair for pair, ruling in newest_first if ruling.kind == "link" and not any(map(policy.is_blocked, pair))
        ]
        links += sorted(rare.spellings, key=lambda pair: pair[1])
        links = [pair for pair in links if component.holds(pair)]
        splits = [pair for pair, ruling in newest_first if ruling.kind == "split"]
    grouping = Grouping(policy, members, links, splits)
    grouping.disturbed.update(members)
    if rare is not None:
        for pair, ruling in rare.rulings.items():
            ruling.refused = pair in grouping.refused_links
        for pair, evidence in rare.spellings.items():
            refused = BY_OPERATOR if pair in grouping.refused_links else SPELLING
            evidence.outcome = refused if component.holds(pair) else REDUNDANT
    keys: list[JoinKey] = []
    for (a, b), evidence in component.pairs.items():
        if members[a].unknown or members[b].unknown:
            evidence.outcome = REDUNDANT
        else:
            keys.append(join_key(policy, a, b, evidence.when))
    grouping.add_all(keys)
    return grouping


def strongest(component: Component, policy: Policy, group: list[Node]) -> Node:
    """Return the identifier that a profile is known by: of the best rank, the one with the earliest evidence, by
    value."""
    rank = policy.rank
    best = min(rank[type_] for type_, _ in group)
    candidates = [identifier for identifier in group if rank[identifier[0]] == best]
    if len(candidates) == 1:
        return candidates[0]
    members = component.members
    earliest = {identifier: members[identifier].logged_in or _NEVER for identifier in candidates}
    for pair, evidence in component.pairs.items():
        if members[pair[0]].unknown or members[pair[1]].unknown:
            continue  # an alias call's reading that no event supports
        for identifier in pair:
            if identifier in earliest and evidence.when < earliest[identifier]:
                earliest[identifier] = evidence.when
    if component.rare is not None:
        for (holder, _), evidence in component.rare.apart.items():
            if evidence.outcome == SHARED and holder in earliest and evidence.when < earliest[holder]:
                earliest[holder] = evidence.when
    return min(candidates, key=lambda identifier: (*earliest[identifier][:2], identifier[1], identifier[0]))
