"""The identities of a set of events, straight from the definition.

No increments, no state, nothing clever: this is what the incremental fold must agree with, the model that tests compare
the running system to, and how `kith identity plan` sees another policy. Its cost grows with the whole of the evidence.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from processors.identity.evidence import Item, pairs_of
from processors.identity.normalise import fold_provider
from processors.identity.policy import Policy
from schemas.identifier import Identifier, is_weak, seed_of, strongest
from schemas.times import to_millis

Moment = tuple[int, str, str]  # (t, message_id, event_id): the order of evidence
NEVER: Moment = (1 << 62, "", "")


class Slice(NamedTuple):
    """A stretch [from, to) of a weak identifier, in ms since 1970 (None: unbounded), and whose it is."""

    start: int | None
    end: int | None
    owner: Identifier


class Refusal(NamedTuple):
    """Two identifiers that the evidence pairs and that are not joined, by which rule, and the earliest evidence."""

    a: Identifier
    b: Identifier
    rule: str
    when: Moment


@dataclass(frozen=True)
class World:
    """Who is who. Owners are identifiers; the profile id is the owner's seed (`profile_of`)."""

    profiles: dict[str, str]  # event id -> profile id
    owners: dict[Identifier, Identifier]  # strong identifier of the evidence -> the strongest of its profile
    slices: dict[Identifier, list[Slice]]  # weak identifier with logins -> its slices in order of time
    refusals: list[Refusal]  # in the order of joining
    shared: frozenset[Identifier]

    def groups(self) -> dict[Identifier, frozenset[Identifier]]:
        """Return the strong identifiers of each profile, by the profile's strongest."""
        members: dict[Identifier, set[Identifier]] = defaultdict(set)
        for identifier, owner in self.owners.items():
            members[owner].add(identifier)
        return {owner: frozenset(identifiers) for owner, identifiers in members.items()}

    def owner_at(self, identifier: Identifier, t: int) -> Identifier:
        """Return the identifier whose seed is the profile that `identifier` belongs to at the instant `t`."""
        for slice_ in self.slices.get(identifier, ()):
            if (slice_.start is None or slice_.start <= t) and (slice_.end is None or t < slice_.end):
                return slice_.owner
        return self.owners.get(identifier, identifier)

    def aliases(self, owner: Identifier) -> set[str]:
        """Return the seeds of the other strong identifiers of a profile: every one answers for it, in one step."""
        return {seed_of(member) for member in self.groups().get(owner, frozenset())} - {seed_of(owner)}


def resolve(events: Iterable[Mapping[str, Any]], policy: Policy, operator_decisions: Sequence[Item] = ()) -> World:
    """Return the identities of a set of canonical events and operators' decisions (items of `evidence`).

    Of several events with one id the first stands. The order of both arguments is of no consequence otherwise.
    """
    distinct: dict[str, Mapping[str, Any]] = {}
    for event in events:
        distinct.setdefault(event["event_id"], event)
    items: list[Item] = [item for event in distinct.values() for part in pairs_of(event) for item in part]
    carried = {Identifier(i["type"], i["value"]) for event in distinct.values() for i in event["identifiers"]}
    world = resolve_items(items, policy, operator_decisions, carried)
    profiles: dict[str, str] = {}
    for event_id, event in distinct.items():
        identifier = strongest(Identifier(i["type"], i["value"]) for i in event["identifiers"])
        profiles[event_id] = seed_of(world.owner_at(identifier, to_millis(event["occurred_at"])))
    return World(profiles, world.owners, world.slices, world.refusals, world.shared)


def resolve_items(
    items: Iterable[Item], policy: Policy, operator_decisions: Sequence[Item], carried: set[Identifier]
) -> World:
    """Return the identities that evidence items show; `carried` are the identifiers that some event carries."""
    evidence = _Evidence(policy, operator_decisions, carried)
    for item in items:
        evidence.add(item)
    return evidence.world()


class _Evidence:
    """All the evidence there is, as plain relations."""

    def __init__(self, policy: Policy, decisions: Sequence[Item], carried: set[Identifier]) -> None:
        self.policy = policy
        self.released: dict[Identifier, int] = {}
        for item in decisions:
            if item[0] == "release":
                identifier = Identifier(item[1], item[2])
                self.released[identifier] = max(item[5], self.released.get(identifier, item[5]))
        self.links, self.splits = self._operators(decisions)
        self.carried = carried | {member for pair in (*self.links, *self.splits) for member in pair}
        self.seen_together: dict[tuple[Identifier, Identifier], list[Moment]] = defaultdict(list)
        self.logins: dict[Identifier, list[tuple[Moment, Identifier]]] = defaultdict(list)
        self.earliest: dict[Identifier, Moment] = {}  # its first login
        self.spellings: dict[Identifier, Moment] = {}

    def _operators(
        self, decisions: Sequence[Item]
    ) -> tuple[dict[frozenset[Identifier], tuple[int, str]], set[frozenset[Identifier]]]:
        """Return the links in force with their (at, decision id), and the splits: the newest decision on a pair
        stands."""
        newest: dict[frozenset[Identifier], tuple[int, str, str]] = {}
        for item in decisions:
            if item[0] == "link":
                pairs = [frozenset({Identifier(item[1], item[2]), Identifier(item[3], item[4])})]
                decision = (item[7], item[5], "link")
            elif item[0] == "split":
                pairs = [frozenset({Identifier(*named), Identifier(item[2], item[3])}) for named in item[1]]
                decision = (item[6], item[4], "split")
            else:
                continue
            for pair in pairs:
                if len(pair) == 2:
                    newest[pair] = max(decision, newest.get(pair, decision))
        links = {
            pair: (at, decision_id)
            for pair, (at, decision_id, kind) in newest.items()
            if kind == "link" and all(at >= self.released.get(member, at) for member in pair)
        }
        return links, {pair for pair, (_, _, kind) in newest.items() if kind == "split"}

    def add(self, item: Item) -> None:
        """Take one item of evidence into the relations."""
        when: Moment = (item[-3], item[-2], item[-1])
        if item[0] in ("pair", "login"):
            a, b = Identifier(item[1], item[2]), Identifier(item[3], item[4])
            if self.policy.is_blocked(a) or self.policy.is_blocked(b):
                return
            if item[0] == "pair":
                self._together(a, b, when)
            else:
                self._login(a, b, when)
                if self._since([when], b):
                    self.earliest[b] = min(when, self.earliest.get(b, NEVER))
        elif item[0] == "alias":
            user = Identifier("user_id", item[1])
            if self.policy.is_blocked(user):
                return
            as_user, as_anonymous = Identifier("user_id", item[2]), Identifier("anonymous_id", item[2])
            # A reading that no event supports shows nowhere.
            if as_user in self.carried and not self.policy.is_blocked(as_user):
                self._together(min(user, as_user), max(user, as_user), when)
            if as_anonymous in self.carried and not self.policy.is_blocked(as_anonymous):
                self._login(as_anonymous, user, when)
        elif item[0] == "spelling":
            address = Identifier("email", item[1])
            self.spellings[address] = min(when, self.spellings.get(address, when))

    def _together(self, a: Identifier, b: Identifier, when: Moment) -> None:
        self.seen_together[a, b].append(when)

    def _login(self, weak: Identifier, strong: Identifier, when: Moment) -> None:
        self.logins[weak].append((when, strong))

    def world(self) -> World:
        """Return what the relations amount to."""
        shared = self._shared()
        groups, refusals = self._join(shared)
        owners = {member: min(group, key=self._owner_order()) for group in groups for member in group}
        slices = {weak: self._slices(weak, logins, owners, shared) for weak, logins in self.logins.items()}
        return World({}, owners, {weak: cut for weak, cut in slices.items() if cut}, refusals, shared)

    def _shared(self) -> frozenset[Identifier]:
        """Return the identifiers with more neighbours of stronger types than the threshold.

        What an operator released counts neither for the identifier itself; a neighbour's release changes nothing.
        """
        neighbours: dict[Identifier, set[Identifier]] = defaultdict(set)
        for (a, b), moments in self.seen_together.items():
            for one, other in ((a, b), (b, a)):
                if self.policy.rank[other.type] < self.policy.rank[one.type] and self._since(moments, one):
                    neighbours[one].add(other)
        for weak, logins in self.logins.items():
            for when, strong in logins:
                if self._since([when], weak):
                    neighbours[weak].add(strong)
        return frozenset(
            identifier for identifier, others in neighbours.items() if len(others) > self.policy.shared_threshold
        )

    def _since(self, moments: Iterable[Moment], *identifiers: Identifier) -> list[Moment]:
        """Return the moments that no release of these identifiers has made forgotten."""
        return [m for m in moments if all(m[0] >= self.released.get(i, m[0]) for i in identifiers)]

    def _join(self, shared: frozenset[Identifier]) -> tuple[list[set[Identifier]], list[Refusal]]:
        """Return the groups and the refusals: operators' links first, then every pair in canonical order."""
        policy = self.policy
        group_of: dict[Identifier, set[Identifier]] = {}
        one_of: dict[Identifier, set[Identifier]] = {}  # linked identifiers count as one towards the limits
        for a, b in self.seen_together:
            group_of.setdefault(a, {a})
            group_of.setdefault(b, {b})
        refusals: list[Refusal] = []

        def unite(sets: dict[Identifier, set[Identifier]], a: Identifier, b: Identifier) -> None:
            united = sets.setdefault(a, {a}) | sets.setdefault(b, {b})
            for member in united:
                sets[member] = united

        def obstacle(a: Identifier, b: Identifier, counted: bool) -> str | None:
            united = group_of.setdefault(a, {a}) | group_of.setdefault(b, {b})
            if any(split <= united for split in self.splits):
                return "operator"
            for type_ in sorted({m.type for m in united}, key=lambda t: (policy.rank[t], t)) if counted else ():
                members = {frozenset(one_of.get(m, {m})) for m in united if m.type == type_}
                limit = policy.limit[type_]
                if limit is not None and len(members) > limit:
                    return f"limit:{type_}"
            return None

        for a, b, when in self._links():
            if {a, b} & shared or policy.is_blocked(a) or policy.is_blocked(b):
                continue
            if obstacle(a, b, counted=False) is None:
                unite(group_of, a, b)
                unite(one_of, a, b)
            else:
                refusals.append(Refusal(a, b, "operator", when))
        for a, b, when in sorted(self._pairs(), key=lambda pair: self._join_order(*pair)):
            if a in shared and b in shared:
                continue  # both are reported as shared; there is nobody to tell more
            if a in shared or b in shared:
                refusals.append(Refusal(a, b, "shared", when))
            elif group_of[a] is not group_of[b]:
                rule = obstacle(a, b, counted=True)
                if rule is None:
                    unite(group_of, a, b)
                else:
                    refusals.append(Refusal(a, b, rule, when))
        distinct = {id(group): group for group in group_of.values()}
        return list(distinct.values()), refusals

    def _links(self) -> Iterable[tuple[Identifier, Identifier, Moment]]:
        """Yield what is joined first: operators' links, the newest first, then spellings of one mailbox."""
        for pair in sorted(self.links, key=lambda pair: self.links[pair], reverse=True):
            a, b = sorted(pair)
            at, decision_id = self.links[pair]
            yield a, b, (at, "", decision_id)
        if self.policy.fold_email_providers:
            for email, when in sorted(self.spellings.items()):
                yield Identifier("email", fold_provider(email.value)), email, when

    def _pairs(self) -> Iterable[tuple[Identifier, Identifier, Moment]]:
        for (a, b), moments in self.seen_together.items():
            if remembered := self._since(moments, a, b):
                yield a, b, min(remembered)

    def _join_order(self, a: Identifier, b: Identifier, when: Moment) -> tuple[Any, ...]:
        """Pair type (the stronger member first, then the weaker), earliest event time, message id; then any fixed
        order."""
        ranks = sorted((self.policy.rank[a.type], self.policy.rank[b.type]))
        return (*ranks, *when, a, b)

    def _owner_order(self) -> Any:
        """Return the sort key by which a group's first member names it: rank, earliest evidence, value."""
        earliest = dict(self.earliest)
        for a, b, when in self._pairs():
            for identifier in (a, b):
                earliest[identifier] = min(when, earliest.get(identifier, NEVER))

        def order(identifier: Identifier) -> tuple[Any, ...]:
            t, message_id, _ = earliest.get(identifier, NEVER)
            return (self.policy.rank[identifier.type], t, message_id, identifier.value, identifier.type)

        return order

    def _slices(
        self,
        weak: Identifier,
        logins: list[tuple[Moment, Identifier]],
        owners: dict[Identifier, Identifier],
        shared: frozenset[Identifier],
    ) -> list[Slice]:
        if weak in shared:
            return [Slice(None, None, weak)]
        counted = sorted(
            (when, owners.get(strong, strong))
            for when, strong in logins
            if strong not in shared and self._since([when], weak, strong)
        )
        if not counted:
            return []
        # The owner from each instant on is the last login at it; before the first instant it is the first login.
        starts: dict[int | None, Identifier] = {None: counted[0][1]}
        for (t, _, _), owner in counted:
            starts[t] = owner
        slices: list[Slice] = []
        for start, owner in starts.items():
            if slices and slices[-1].owner == owner:
                continue
            if slices:
                slices[-1] = slices[-1]._replace(end=start)
            slices.append(Slice(start, None, owner))
        return slices


def weak_identifiers(world: World) -> list[Identifier]:
    """Return the weak identifiers with logins, in a fixed order."""
    return sorted(identifier for identifier in world.slices if is_weak(identifier.type))
