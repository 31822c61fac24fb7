"""What a batch has touched: the components and devices to settle, and what stood about them before."""

from typing import NamedTuple

from processors.identity.component import Component, Ruling
from processors.identity.grouping import JOINED, REDUNDANT, SHARED, Moment, Pair
from schemas.identifier import Identifier


class Standing(NamedTuple):
    """What is published about a pair: what became of it, since when, and whose the two are."""

    outcome: str
    when: Moment
    a_owner: Identifier
    b_owner: Identifier


class OperatorAct(NamedTuple):
    """Something an operator decided, to be published once the batch has settled."""

    kind: str
    decision_id: str
    a: Identifier
    b: Identifier | None
    at: int
    reason: str


class Touched:
    """The working set of one batch."""

    def __init__(self) -> None:
        self.before: dict[Pair, Standing] = {}
        self.members: dict[Identifier, None] = {}  # one or more of every component to group anew
        self.devices: dict[Identifier, dict[Identifier, None]] = {}  # weak: users whose state is to be looked up again
        self.shared: dict[Identifier, Moment] = {}  # strong identifiers that have just become shared
        self.acts: list[OperatorAct] = []
        self._noted: set[Identifier] = set()

    def component(self, component: Component, member: Identifier) -> None:
        """Have a component grouped anew; call before it changes, so that what stood is known."""
        self.members[member] = None
        # Members of absorbed components are noted with them: a component is never noted twice, nor after it grew.
        if component.root not in self._noted:
            self._noted.update(component.members)
            self.before.update(standings(component))

    def device(self, weak: Identifier, *users: Identifier) -> None:
        """Have a device cut anew, after looking at these users of it again."""
        self.devices.setdefault(weak, {}).update(dict.fromkeys(users))

    def act(self, pair: Pair, ruling: Ruling, kind: str) -> None:
        """Have an operator's link or split published, or that it is withdrawn."""
        self.acts.append(OperatorAct(kind, ruling.public_id(), *pair, ruling.at, ruling.reason))

    def released(self, identifier: Identifier, decision_id: str, at: int, reason: str) -> None:
        """Have an operator's release published."""
        self.acts.append(OperatorAct("release", decision_id, identifier, None, at, reason))


def standings(component: Component) -> dict[Pair, Standing]:
    """Return what stands about the pairs of a component: joins and refusals, not what they make redundant."""
    members = component.members
    found: dict[Pair, Standing] = {}
    for (a, b), evidence in component.pairs.items():
        if evidence.outcome != REDUNDANT:
            owners = (members[a].owner or a, members[b].owner or b)
            found[a, b] = Standing(evidence.outcome, evidence.when, *owners)
    for (holder, (a, b)), evidence in component.apart.items():
        if evidence.outcome == SHARED:
            owner = members[holder].owner or holder
            found[a, b] = Standing(SHARED, evidence.when, owner if holder == a else a, owner if holder == b else b)
    return found


def is_joined(standing: Standing | None) -> bool:
    """Tell whether a pair is one of those that hold its profile together."""
    return standing is not None and standing.outcome == JOINED
