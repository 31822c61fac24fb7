"""What is to be told about a component: each join and refusal that came, went, or concerns other profiles now."""

from processors.identity import decisions
from processors.identity.component import Component, Evidence
from processors.identity.grouping import Node, Pair
from processors.identity.outcome import Outcome


def publish(component: Component, changed: set[Node], outcome: Outcome) -> None:
    """Note the differences to what was told before; `changed` are the members that now belong to another profile."""
    for pair, evidence in component.pairs.items():
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
        if pair[0] in component.members and (ruling.told is not ruling.refused or not changed.isdisjoint(pair)):
            ruling.told = ruling.refused
            outcome.changes.append(decisions.ruled(pair, ruling, _owners(component, pair), stands=True))


def _tell(component: Component, pair: Pair, evidence: Evidence, changed: set[Node], outcome: Outcome) -> None:
    told = evidence.told
    if told is None:
        if not evidence.outcome:
            return
    elif told[0] != evidence.outcome or told[1] != evidence.when:
        if told[0]:
            outcome.changes.append(decisions.went(pair, *told, _owners(component, pair)))
    elif changed.isdisjoint(pair):
        return
    evidence.told = (evidence.outcome, evidence.when)
    if evidence.outcome:
        outcome.changes.append(decisions.came(pair, evidence.outcome, evidence.when, _owners(component, pair)))


def _owners(component: Component, pair: Pair) -> tuple[Node, Node]:
    """Return the strongest identifiers of the profiles of two; one that is no member is shared, and its own profile."""
    a, b = (component.members.get(identifier) for identifier in pair)
    return (a and a.owner) or pair[0], (b and b.owner) or pair[1]
