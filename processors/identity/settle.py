"""Settling a batch: group each touched component anew, cut each touched device anew, and publish the differences."""

from processors.identity.component import Component
from processors.identity.device import Device
from processors.identity.evidence import Release, Watch
from processors.identity.grouping import REDUNDANT, Grouping, Pair, join_key
from processors.identity.outcome import (
    Outcome,
    assignment,
    evidence_decision,
    operator_decision,
    shared_decision,
)
from processors.identity.policy import Policy
from processors.identity.slices import Cut, cuts
from processors.identity.store import Store
from processors.identity.touched import Standing, Touched, is_joined, standings
from schemas.identifier import Identifier, is_weak


def settle(touched: Touched, policy: Policy, store: Store, outcome: Outcome, version: int) -> None:
    """Add to `outcome` what a batch changes, in an order that follows from state and batch alone."""
    components = {id(c): c for c in map(store.component, touched.members) if c is not None}
    after: dict[Pair, Standing] = {}
    for component in components.values():
        store.changed(component)
        for identifier in _regroup(component, policy, outcome, version):
            for weak in sorted(component.members[identifier].weak):
                touched.device(weak, identifier)
        after.update(standings(component))
    for identifier, when in touched.shared.items():
        outcome.decisions.append(shared_decision(identifier, when, policy.shared_threshold, version))
    _publish_acts(touched, store, outcome, version)
    _publish_standings(touched.before, after, store, outcome, version)
    for weak, users in touched.devices.items():
        device = store.device(weak)
        store.changed_device(device)
        for user in users:
            _look_up(device, user, store)
        _recut(device, policy, outcome, version)


def _regroup(component: Component, policy: Policy, outcome: Outcome, version: int) -> list[Identifier]:
    """Group a component, publish who belongs to whom, and return the members that changed hands."""
    members = component.members
    splits = [pair for pair, r in component.rulings.items() if r.kind == "split"]
    links = [
        (ruling.order(), pair)
        for pair, ruling in component.rulings.items()
        if ruling.kind == "link" and not any(map(policy.is_blocked, pair))
    ]
    joined = [pair for _, pair in sorted(links, reverse=True)] + sorted(component.spelt, key=lambda pair: pair[1])
    grouping = Grouping(policy, members, splits)
    grouping.link([pair for pair in joined if component.holds(pair)])
    order = []
    for (a, b), evidence in component.pairs.items():
        evidence.outcome = REDUNDANT
        when, mine, other = evidence.when, members[a], members[b]
        if mine.known and other.known and mine.remembers(when) and other.remembers(when):
            order.append((join_key(policy, a, b, when), evidence))
    for key, evidence in sorted(order, key=lambda entry: entry[0]):
        evidence.outcome = grouping.join(key[5], key[6])
    named = {x for pair in (*component.pairs, *joined) for x in pair} | {holder for holder, _ in component.apart}
    changed = []
    for group in grouping.groups():
        owner = min(group, key=lambda member: _strength(component, policy, member))
        for identifier in group:
            member = members[identifier]
            if (member.owner or identifier) != owner:
                changed.append(identifier)
            if member.owner != owner and member.known and (identifier in named or member.owner is not None):
                member.owner = owner
                outcome.assignments.append(assignment(identifier, None, None, owner, version))
    return changed


def _strength(component: Component, policy: Policy, identifier: Identifier) -> tuple[int, bool, int, str, str, str]:
    """Return the sort key by which a profile's first identifier names it: rank, earliest evidence, value."""
    first = component.members[identifier].first
    t, message_id = (0, "") if first is None else first[:2]
    return (policy.rank(identifier.type), first is None, t, message_id, identifier.value, identifier.type)


def _publish_standings(
    before: dict[Pair, Standing], after: dict[Pair, Standing], store: Store, outcome: Outcome, version: int
) -> None:
    """Publish each join and refusal that came, went or concerns other profiles now."""
    for pair in sorted(before.keys() - after.keys() | {p for p, s in after.items() if before.get(p) != s}):
        old, new = before.get(pair), after.get(pair)
        owners = (_owner(store, pair[0]), _owner(store, pair[1]))
        if old is not None and (new is None or (old.outcome, old.when) != (new.outcome, new.when)):
            kind = "split" if is_joined(old) and owners[0] != owners[1] else "withdrawn"
            outcome.decisions.append(evidence_decision(kind, old.outcome, old.when, pair, owners, version))
        if new is not None:
            kind = "join" if is_joined(new) else "refuse"
            outcome.decisions.append(evidence_decision(kind, new.outcome, new.when, pair, owners, version))


def _publish_acts(touched: Touched, store: Store, outcome: Outcome, version: int) -> None:
    for act in touched.acts:
        if act.kind == "release":
            outcome.releases.append(Release(act.a, act.at))
        owners = (_owner(store, act.a), _owner(store, act.b or act.a))
        outcome.decisions.append(
            operator_decision(act.kind, act.decision_id, (act.a, act.b), owners, act.at, act.reason, version)
        )


def _owner(store: Store, identifier: Identifier) -> Identifier:
    """Return the strongest identifier of the profile of a strong identifier; a weak one stands for itself."""
    component = None if is_weak(identifier.type) else store.component(identifier)
    return identifier if component is None else component.members[identifier].owner or identifier


def _look_up(device: Device, identifier: Identifier, store: Store) -> None:
    """Take over from its component what a device must know about one of its users."""
    user, component = device.users.get(identifier), store.component(identifier)
    if user is not None and component is not None:
        member = component.members[identifier]
        user.owner, user.released, user.shared = member.owner, member.released, member.shared


def _recut(device: Device, policy: Policy, outcome: Outcome, version: int) -> None:
    """Cut a device by its logins, publish the slices that differ, and ask for the logins of people who meet there."""
    owners: dict[Identifier, Identifier] = {}
    if not device.known:
        slices = []
    elif device.shared:
        slices = [Cut(None, device.weak)]
        if device.slices != slices and device.shared_at is not None:
            outcome.decisions.append(shared_decision(device.weak, device.shared_at, policy.shared_threshold, version))
    else:
        counted = []
        for t, _, _, identifier in device.logins:
            user = device.users[identifier]
            if not user.shared and (user.released is None or t >= user.released):
                owners[identifier] = user.owner or identifier
                counted.append((t, owners[identifier]))
        slices = cuts(counted)
    _publish_slices(device, slices, outcome, version)
    if len(set(owners.values())) > 1:
        for identifier in sorted(owners):
            if not device.users[identifier].watched:
                device.users[identifier].watched = True
                outcome.watches.append(Watch(identifier, device.weak))


def _publish_slices(device: Device, slices: list[Cut], outcome: Outcome, version: int) -> None:
    old, new = _bounds(device.slices), _bounds(slices)
    for start in old:
        if start not in new:
            outcome.assignments.append(assignment(device.weak, start, None, None, version))
    for start, (end, owner) in new.items():
        if old.get(start) != (end, owner):
            outcome.assignments.append(assignment(device.weak, start, end, owner, version))
    device.slices = slices


def _bounds(slices: list[Cut]) -> dict[int | None, tuple[int | None, Identifier]]:
    """Return the slices by their start, with their end and their owner."""
    ends = [*(cut.start for cut in slices), None]
    return {cut.start: (ends[place + 1], cut.owner) for place, cut in enumerate(slices)}
