"""What another policy would change: the plan equals the definition's two worlds, and says why."""

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity.compare import BEGINNING, Place, compare
from processors.identity.fold import IdentityFold
from processors.identity.generation import Generation
from processors.identity.plan import Plan, Planning
from processors.identity.policy import Policy
from processors.identity.resolve import World
from schemas.identifier import Identifier, seed_of
from tests.unit.processors.identity.shop import Event, System, at, run, same
from tests.unit.processors.identity.test_fold import events
from tests.unit.processors.partition.simulation import MemoryStore
from tests.unit.processors.partition.test_policy_change import POLICIES


def plan_of(system: System, before: Policy, after: Policy, most: int = 2) -> Plan:
    """Return the plan for what the system's log holds, compared in small pieces."""
    store = MemoryStore()
    generations = (Generation(0, store.get, store.scan), Generation(1, store.get, store.scan))
    for policy, generation in zip((before, after), generations, strict=True):
        for key, value in generation.own(IdentityFold(policy, generation.get).fold(system.sent, 1).writes).items():
            if value is not None:
                store.pairs[key] = value
    planning = Planning(before, after)
    place: Place | None = BEGINNING
    while place is not None:
        difference, place = compare(*generations, (before, after), place, most)
        planning.add(difference)
    return planning.plan()


def people(world: World) -> dict[Identifier, frozenset[Identifier]]:
    return dict(world.groups())


@settings(max_examples=200, deadline=None)
@given(st.lists(events(), max_size=10), st.sampled_from(POLICIES), st.sampled_from(POLICIES))
def test_the_plan_is_the_difference_of_the_two_worlds(given_events: list[Event], before: Policy, after: Policy) -> None:
    plan = plan_of(run(given_events, before), before, after)
    old, new = same(given_events, before), same(given_events, after)
    everybody = {*old.owners, *new.owners}
    moves = {i: (old.owners.get(i, i), new.owners.get(i, i)) for i in everybody}
    of_new: dict[Identifier, set[Identifier]] = {}
    of_old: dict[Identifier, set[Identifier]] = {}
    for one, other in moves.values():
        of_new.setdefault(other, set()).add(one)
        of_old.setdefault(one, set()).add(other)
    assert plan.joined == {person: sorted(olds) for person, olds in of_new.items() if len(olds) > 1}
    assert plan.split == {person: sorted(news) for person, news in of_old.items() if len(news) > 1}
    assert plan.moved == len([1 for one, other in moves.values() if one != other])
    touched = {seed_of(i) for move in moves.values() if move[0] != move[1] for i in move}
    assert touched <= set(plan.touched())


def test_examples_say_why() -> None:
    system = run([at(1, u="u1", e="e1@x.fr"), at(2, u="u1", e="e2@x.fr"), at(3, u="u1", p="+331")])
    strict = Policy(limits={**Policy().limits, "email": 1}, blocked=frozenset({"+331"}))
    plan = plan_of(system, Policy.default(), strict)
    [example] = plan.splits
    assert example.person == ("user_id", "u1")
    assert example.others == [("email", "e2@x.fr"), ("phone", "+331")]
    assert "more than one person may have of: e-mail" in example.reasons[0]
    assert example.reasons[1] == "The policy blocks phone +331."
    back = plan_of(system, strict, Policy.default())
    [example] = back.joins
    assert "Account u1 and e-mail e2@x.fr came in one event" in example.reasons[0]
    assert example.others == [("email", "e2@x.fr"), ("phone", "+331")]
    assert len(back.touched()) == 3


def test_a_shared_address_and_an_equal_policy() -> None:
    system = run([at(n, u=f"u{n}", e="info@x.fr") for n in range(3)])
    plan = plan_of(system, Policy.default(), Policy(shared_threshold=2))
    assert plan.split == {("user_id", "u0"): [("email", "info@x.fr"), ("user_id", "u0")]}
    assert any("too many people" in reason for reason in plan.splits[0].reasons)
    same_again = plan_of(system, Policy.default(), Policy.default())
    assert (same_again.moved, same_again.slices, same_again.touched()) == (0, 0, [])
