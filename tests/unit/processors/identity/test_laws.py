"""What holds of identity whatever the events: the invariants of the design, as properties."""

import random
from dataclasses import replace
from itertools import pairwise

import networkx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors.identity.evidence import pairs_of
from processors.identity.explain import explain, path
from processors.identity.policy import STRONG, Policy
from processors.identity.resolve import World
from schemas.event import IdentifierJson
from schemas.identifier import Identifier, is_weak, seed_of, strongest
from schemas.times import to_millis
from tests.unit.processors.identity.shop import Event, System, at, check, identifiers_of, run, same
from tests.unit.processors.identity.test_fold import LETTERS, POLICIES, events

UNLIMITED = Policy(limits=dict.fromkeys(STRONG), shared_threshold=1_000_000)
SETS = st.lists(events(), max_size=12)


def json(identifier: Identifier) -> IdentifierJson:
    return {"type": identifier.type, "value": identifier.value}


@settings(max_examples=200, deadline=None)
@given(SETS)
def test_without_limits_people_are_connected_components(given_events: list[Event]) -> None:
    plain = [event for event in given_events if event["type"] != "alias"]
    graph: networkx.Graph[Identifier] = networkx.Graph()
    for event in plain:
        strong = [identifier for identifier in identifiers_of(event) if not is_weak(identifier.type)]
        graph.add_nodes_from(strong)
        graph.add_edges_from((strong[0], other) for other in strong[1:])
    system = run(plain, UNLIMITED)
    for people in networkx.connected_components(graph):
        assert len({system.view.profile_at(identifier, 0) for identifier in people}) == 1
    found = {system.view.profile_at(identifier, 0) for identifier in graph}
    assert len(found) == networkx.number_connected_components(graph)


@settings(max_examples=200, deadline=None)
@given(SETS, POLICIES)
def test_no_profile_breaks_a_limit(given_events: list[Event], policy: Policy) -> None:
    for people in same(given_events, policy).groups().values():
        for type_ in {identifier.type for identifier in people}:
            limit = policy.limit[type_]
            held = [i for i in people if i.type == type_]
            if not policy.fold_email_providers or type_ != "email":
                assert limit is None or len(held) <= limit


@settings(max_examples=200, deadline=None)
@given(SETS, st.sampled_from([v for values in LETTERS.values() for v in values]))
def test_a_blocked_value_is_nobodys(given_events: list[Event], blocked: str) -> None:
    system = run(given_events, Policy(blocked=frozenset({blocked})))
    assert not any(identifier.value == blocked for identifier in system.view.slices)
    for decision in system.decisions.values():
        assert blocked not in (decision["a"]["value"], (decision["b"] or {}).get("value"))


@settings(max_examples=300, deadline=None)
@given(SETS, POLICIES, st.integers(1, 4))
def test_every_two_identifiers_of_a_profile_have_an_explanation(
    given_events: list[Event], policy: Policy, batch: int
) -> None:
    world = same(given_events, policy)
    system = run(given_events, policy, batch)
    for owner, people in world.groups().items():
        mine = [
            item
            for event in system.events.values()
            for item in pairs_of(event)[1]
            if item[0] == "login"
            and Identifier(item[3], item[4]) in people
            and world.owner_at(Identifier(item[1], item[2]), to_millis(event["occurred_at"])) == owner
        ]
        everything = {*people, *(Identifier(item[1], item[2]) for item in mine)}
        explanation = explain(seed_of(owner), system.decisions.values(), mine)
        for a in everything:
            for b in everything:
                links = path(json(a), json(b), explanation["links"])
                assert links is not None, (a, b)
                for link in links:
                    assert speaks_of_both(system, link["event_ids"], link["a"], link["b"], link["rule"])
        for refusal in explanation["refusals"]:
            assert refusal["message"]
            assert all(event_id in system.events for event_id in refusal["event_ids"])


def speaks_of_both(system: System, event_ids: list[str], a: IdentifierJson, b: IdentifierJson, rule: str) -> bool:
    """Tell whether the events exist and carry both identifiers (of a mailbox: one of its spellings)."""
    named = [system.events[event_id] for event_id in event_ids]
    if rule == "spelling":
        return bool(named) and all(a in event["identifiers"] or b in event["identifiers"] for event in named)
    return bool(named) and all(
        identifier in event["identifiers"] or identifier["value"] == event["context"].get("previous_id")
        for event in named
        for identifier in (a, b)
    )


@settings(max_examples=200, deadline=None)
@given(SETS, POLICIES)
def test_an_alias_answers_in_one_step(given_events: list[Event], policy: Policy) -> None:
    """Whoever knows the seed of any identifier of a profile is told the profile, which is told of itself."""
    system = run(given_events, policy)
    world = same(given_events, policy)
    for identifier, owner in world.owners.items():
        assert system.view.profile_at(identifier, 0) == seed_of(owner)
        assert system.view.profile_at(owner, 0) == seed_of(owner)
        assert identifier == owner or seed_of(identifier) in world.aliases(owner)


@settings(max_examples=200, deadline=None)
@given(SETS, POLICIES, st.data())
def test_removing_an_event_equals_never_having_had_it(
    given_events: list[Event], policy: Policy, data: st.DataObject
) -> None:
    distinct = list({event["event_id"]: event for event in given_events}.values())
    removed = data.draw(st.integers(0, len(distinct)))
    remaining = distinct[:removed] + distinct[removed + 1 :]
    check(run(remaining, policy), same(remaining, policy))
    check(run([*remaining, *distinct[removed : removed + 1]], policy), same(distinct, policy))


@settings(max_examples=200, deadline=None)
@given(SETS, POLICIES)
def test_every_event_is_on_exactly_one_profile(given_events: list[Event], policy: Policy) -> None:
    world: World = same(given_events, policy)
    assert set(world.profiles) == {event["event_id"] for event in given_events}
    for slices in world.slices.values():
        assert slices[0].start is None
        assert slices[-1].end is None
        for one, next_ in pairwise(slices):
            assert one.end == next_.start
            assert one.owner != next_.owner


# A spelling whose address has just become shared is known to two components, which must not share what they know.
TWO_SPELLINGS = [
    at(0, w="1", e="j.d+shop@gmail.com", a="a1"),
    at(0, s="1", e="j.d+shop@gmail.com", a="a1"),
    at(0, e="j.d+shop@gmail.com", p="+33600000001"),
]
SHARED_SOON = replace(
    Policy.default(), blocked=frozenset({"+33600000001"}), shared_threshold=1, fold_email_providers=True
)


@settings(max_examples=200, deadline=None)
@given(SETS, POLICIES, st.integers(1, 3), st.integers(1, 10))
@example(TWO_SPELLINGS, SHARED_SOON, 1, 1)
def test_a_restart_changes_nothing_that_is_published_or_stored(
    given_events: list[Event], policy: Policy, batch: int, capacity: int
) -> None:
    """A fold that forgets everything between batches says word for word what one says that never stops."""
    steady, forgetful, tight = System(policy), System(policy), System(policy, capacity)
    for first in range(0, len(given_events), batch):
        for system in (steady, forgetful, tight):
            for event in given_events[first : first + batch]:
                system.receive(event)
        outcomes = [system.write() for system in (steady, forgetful, tight)]
        forgetful.crash()
        for outcome in outcomes[1:]:
            assert outcome.assignments == outcomes[0].assignments
            assert outcome.decisions == outcomes[0].decisions
            assert outcome.watches == outcomes[0].watches
            assert outcome.writes == outcomes[0].writes


@settings(max_examples=200, deadline=None)
@given(SETS, POLICIES, st.sampled_from([1, 4, 16]), st.randoms())
def test_partitions_change_nothing(
    given_events: list[Event], policy: Policy, partitions: int, chance: random.Random
) -> None:
    """Each seed's evidence stays in order; that of different partitions reaches the writer in any order."""
    queues: dict[int, list[Event]] = {}
    for event in given_events:
        seed = seed_of(strongest(identifiers_of(event)))
        queues.setdefault(int(seed[:8], 16) % partitions, []).append(event)
    system = System(policy)
    while queues:
        number = chance.choice(sorted(queues))
        system.receive(queues[number].pop(0))
        if not queues[number]:
            del queues[number]
        if chance.random() < 0.3:
            system.write()
    system.settle()
    check(system, same(given_events, policy))
