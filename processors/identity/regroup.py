"""Grouping a component anew: who its people are, and by which identifier each is known."""

from collections.abc import Collection, Iterable

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
from processors.identity.outcome import Outcome
from processors.identity.policy import Policy

# A component with more pairs than this keeps its grouping between batches: to make it anew would take milliseconds.
KEEP_GROUPING = 50
NOBODY: Collection[Node] = frozenset()
_NEVER: Moment = (1 << 62, "", "")


def regroup(component: Component, policy: Policy, outcome: Outcome) -> Collection[Node]:
    """Group a component, note who belongs to whom, and return the members that have changed hands."""
    if component.rare is None and component.grouping is None:
        if not component.pairs and component.members[component.root].owner is None:
            return NOBODY  # never named together with another strong identifier: its own profile, as nobody doubts
        if len(component.pairs) <= KEEP_GROUPING and (owner := _only_person(component, policy)) is not None:
            _span(component, policy)
            return _assign(component, component.members, owner, outcome)
    changed: list[Node] = []
    for group in _groups(component, policy):
        owner = group[0] if len(group) == 1 else strongest(component, policy, group)
        changed += _assign(component, group, owner, outcome)
    return set(changed)


def _only_person(component: Component, policy: Policy) -> Node | None:
    """Return by whom a component within all limits is known: joined in whatever order, it is one person."""
    members = component.members
    rank, limits = policy.rank, policy.limit
    counts: dict[str, int] = {}
    best, owner, is_tie = len(rank), component.root, False
    for identifier in members:
        type_ = identifier[0]
        count = counts[type_] = counts.get(type_, 0) + 1
        limit = limits[type_]
        if limit is not None and count > limit:
            return None
        strength = rank[type_]
        if strength <= best:
            best, owner, is_tie = strength, identifier, strength == best
    return strongest(component, policy, list(members)) if is_tie else owner


def _span(component: Component, policy: Policy) -> None:
    """Set the outcome of every pair of a component that is one person: the first to connect two parts joins them."""
    pairs = component.pairs
    if len(pairs) == len(component.members) - 1:
        for evidence in pairs.values():
            evidence.outcome = JOINED
        return
    part_of = {identifier: [identifier] for identifier in component.members}
    keys = [join_key(policy, a, b, evidence.when) for (a, b), evidence in pairs.items()]
    keys.sort()
    for _, _, _, _, _, a, b in keys:
        one, other = part_of[a], part_of[b]
        if one is other:
            pairs[a, b].outcome = REDUNDANT
            continue
        pairs[a, b].outcome = JOINED
        one += other
        for identifier in other:
            part_of[identifier] = one


def _assign(component: Component, group: Iterable[Node], owner: Node, outcome: Outcome) -> Collection[Node]:
    """Note that a group is one person, where that is new, and return the members that have changed hands."""
    changed: Collection[Node] = NOBODY
    members = component.members
    for identifier in group:
        member = members[identifier]
        before = member.owner
        if before != owner and not member.unknown:
            member.owner = owner
            outcome.owned.append((identifier, None, None, owner))
            if (before or identifier) != owner:
                changed = {*changed, identifier}
    return changed


def _groups(component: Component, policy: Policy) -> list[list[Node]]:
    """Set the outcome of every pair, and return the groups that may have changed."""
    grouping = component.grouping or _grouping(component, policy)
    for pair, joined in grouping.run():
        component.pairs[pair].outcome = joined
    groups = {id(group): group.members for member in grouping.disturbed for group in (grouping.group_of[member],)}
    grouping.disturbed = set()
    component.grouping = grouping if len(component.pairs) > KEEP_GROUPING else None
    return sorted(list(members) for members in groups.values())


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
