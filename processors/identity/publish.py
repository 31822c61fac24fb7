"""What is to be told about a component: each join and refusal that came, went, or concerns other profiles now."""

from collections.abc import Collection

from processors.identity import decisions
from processors.identity.component import Component, Evidence
from processors.identity.grouping import Node, Pair
from processors.identity.outcome import Outcome


def publish(component: Component, changed: Collection[Node], outcome: Outcome) -> None:
    """Note the differences to what was told before; `changed` are the members that now belong to another profile."""
    for pair, evidence in component.pairs.items():
        told = evidence.told
        if told is None:
            if not evidence.outcome:
                continue
        elif told[0] == evidence.outcome and told[1] == evidence.when and not changed:
            continue
        _tell(component, pair, evidence, changed, outcome)
    rare = component.rare
    if rare is None:
        return
    for (_, pair), evidence in rare.apart.items():
        _tell(component, pair, evidence, changed, outcome)
    # What is kept on both sides is told by that of the first identifier.
    for pair, evidence in rare.spellings.items():
        if pair[0] in component.members:
            _tell(component, pair, evidence, changed, outcome)
    for pair, ruling in rare.rulings.items():
        if pair[0] in component.members and (
            ruling.told is not ruling.refused or pair[0] in changed or pair[1] in changed
        ):
            ruling.told = ruling.refused
            outcome.changes.append(decisions.ruled(pair, ruling, _owners(component, pair), stands=True))


def _tell(component: Component, pair: Pair, evidence: Evidence, changed: Collection[Node], outcome: Outcome) -> None:
    told, now = evidence.told, evidence.outcome
    if told is None:
        if not now:
            return
    elif told[0] != now or told[1] != evidence.when:
        if told[0]:
            outcome.changes.append(decisions.went(pair, *told, _owners(component, pair)))
    elif pair[0] not in changed and pair[1] not in changed:
        return
    evidence.told = (now, evidence.when)
    if now:
        outcome.changes.append(decisions.came(pair, now, evidence.when, _owners(component, pair)))


def _owners(component: Component, pair: Pair) -> tuple[Node, Node]:
    """Return the strongest identifiers of the profiles of two; one that is no member is shared, and its own profile."""
    a, b = pair
    members = component.members
    return (members[a].owner or a if a in members else a), (members[b].owner or b if b in members else b)
