"""Settling a batch: every touched component is grouped, every touched device is cut, and the differences are noted.

In an order that follows from state and batch alone.
"""

from collections.abc import Iterator

from processors.identity import couples, decisions
from processors.identity.component import Evidence
from processors.identity.device import Device
from processors.identity.evidence import Release, Watch
from processors.identity.grouping import Node, Pair
from processors.identity.outcome import Outcome
from processors.identity.policy import Policy
from processors.identity.publish import publish
from processors.identity.regroup import regroup
from processors.identity.slices import bounds
from processors.identity.store import Store
from processors.identity.touched import Touched
from schemas.identifier import Identifier, is_weak


def settle(touched: Touched, policy: Policy, store: Store, outcome: Outcome) -> None:
    """Add to `outcome` what a batch changes."""
    # First of all: what is learnt about them later in this batch is new.
    outcome.owned += [(identifier, start, None, None) for identifier, start in touched.erased]
    outcome.erased.update(identifier for identifier, _ in touched.erased)
    for couple, _, _ in store.united.values():
        couples.note(couple, policy, outcome)
    for component in store.unfolded:
        touched.component(component)
    settled = [component for component in touched.components if component.members]
    moved = [regroup(component, policy, outcome) for component in settled]
    _report(touched, store, outcome)
    for component, changed in zip(settled, moved, strict=True):
        component.touched = False
        publish(component, changed, outcome)
        for identifier in changed:
            for weak in store.weak_of(identifier, component.members[identifier]):
                touched.device(weak, identifier)
    _take_back(touched, store, outcome)
    devices = []
    for weak, users in touched.devices.items():
        device = store.device(weak)
        devices.append(device)
        for user in users:
            component_of_user = store.find(user)
            if component_of_user is not None:
                member = component_of_user.members[user]
                device.look_up(user, member.owner, member.released, member.shared)
        if device.recut_from is not None:
            _recut(device, outcome)
            _ask_for_logins(device, users, touched)
    outcome.watches += touched.watches
    outcome.writes = store.take_writes(settled, devices)


def _report(touched: Touched, store: Store, outcome: Outcome) -> None:
    """Note what is not about pairs of the evidence: identifiers shared and released, and operators overruled."""
    for identifier, when in touched.shared.items():
        outcome.changes.append(decisions.shared(identifier, when))
    for release in touched.released:
        identifier = Identifier(*release.identifier)
        outcome.releases.append(Release(identifier, release.at))
        outcome.changes.append(
            decisions.released(identifier, _owner(store, identifier), release.decision_id, release.at, release.reason)
        )
    for pair, ruling in touched.overruled:
        owners = (_owner(store, pair[0]), _owner(store, pair[1]))
        if ruling.told is None:  # it came and went in one batch; operators' decisions are an audit trail
            outcome.changes.append(decisions.ruled(pair, ruling, owners, stands=True))
        outcome.changes.append(decisions.ruled(pair, ruling, owners, stands=False))


def _take_back(touched: Touched, store: Store, outcome: Outcome) -> None:
    """Note that evidence has gone, unless the same has been learnt again in this batch."""
    for pair, evidence in touched.gone:
        if evidence.told is None or not evidence.told[0]:
            continue
        if not any(evidence.told == again.told for again in _kept(store, pair)):
            owners = (_owner(store, pair[0]), _owner(store, pair[1]))
            outcome.changes.append(decisions.went(pair, *evidence.told, owners))


def _kept(store: Store, pair: Pair) -> Iterator[Evidence]:
    """Yield what is known about a pair: in the component of both, or apart with either."""
    for holder in pair:
        component = store.find(holder)
        if component is not None:
            if pair in component.pairs:
                yield component.pairs[pair]
            if component.rare is not None and (holder, pair) in component.rare.apart:
                yield component.rare.apart[holder, pair]


def _owner(store: Store, identifier: Node) -> Node:
    """Return the strongest identifier of the profile of a strong identifier; a weak one stands for itself."""
    component = None if is_weak(identifier[0]) else store.find(identifier)
    return identifier if component is None else component.members[identifier].owner or identifier


def _recut(device: Device, outcome: Outcome) -> None:
    """Cut a device by its logins and note the slices that differ from those published."""
    weak, shared_at = device.weak, device.shared_at
    slices, cuts = device.recut()
    after = bounds(cuts)
    outcome.owned += [(weak, start, None, None) for start, _ in slices if start not in after]
    # A device that has just become shared ends a thousand slices at once; one is left, the first.
    before = bounds(slices if len(after) > 1 else slices[:2])
    outcome.owned += [(weak, start, *slice_) for start, slice_ in after.items() if before.get(start) != slice_]
    if device.known and shared_at is not None and slices != cuts:
        outcome.changes.append(decisions.shared(weak, shared_at))


def _ask_for_logins(device: Device, users: dict[Node, None], touched: Touched) -> None:
    """Where different people log in, all their logins matter: ask their units for them, once."""
    candidates = users.keys() if device.contested else device.users.keys()
    if not device.contested:
        owners = {user.owner or identifier for identifier, user in device.users.items() if not user.shared}
        if len(owners) < 2:
            return
        device.contested = True
    for identifier in candidates:
        user = device.users.get(identifier)
        if user is not None and not user.watched and not user.shared:
            user.watched = True
            touched.watches[Watch(Identifier(*identifier), Identifier(*device.weak))] = None
