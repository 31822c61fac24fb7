"""A change of policy comes to what the definition says under the new one: after any evidence, with more of it arriving
meanwhile, with a crash between any two steps, and with another change in the middle of it.
"""

import random
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity.evidence import Item, Release, Watch, policy_decision
from processors.identity.outcome import Outcome
from processors.identity.policy import Policy
from processors.identity.policy_file import document_of
from processors.partition import policy_change
from processors.partition.effects import Effects, Record
from processors.partition.writer import Writer
from schemas.codec import dumps, loads
from schemas.identifier import Identifier, seed_of
from schemas.records import Assignment
from tests.unit.processors.identity.shop import Event, System, at, check, same
from tests.unit.processors.identity.test_fold import events
from tests.unit.processors.identity.test_operators import decisions
from tests.unit.processors.partition.simulation import TOPICS, MemoryStore, Simulation
from tests.unit.processors.partition.test_simulation import public

_REST = ("loyalty_id", "phone", "intercom", "zendesk", "chatwoot", "crisp", "facebook", "instagram", "x", "whatsapp")
POLICIES = [
    Policy.default(),
    Policy(limits={**Policy().limits, "email": 1, "phone": 1}),
    Policy(shared_threshold=1),
    Policy(fold_email_providers=True),
    Policy(fold_email_providers=True, shared_threshold=1, blocked=frozenset({"+33600000001", "email:e1@x.fr", "u1"})),
    Policy(shared_threshold=2, limits={**Policy().limits, "user_id": 2, "email": 1}),
    Policy(ranks=(("email",), ("user_id",), ("shopify", "woocommerce", "magento", "stripe"), _REST)),
]


class Machine(System):
    """The system with the writer's unit in the place of its bare fold: records in, a transaction out."""

    def __init__(self, policy: Policy) -> None:
        self.store = MemoryStore()
        self.log: list[bytes] = []
        self.policies: list[dict[str, Any]] = []
        super().__init__(policy)

    def crash(self) -> None:
        self.writer = Writer(1, lambda _: 0, TOPICS, self.store, self.policy)

    def write(self) -> Outcome:
        items, self.outbox = self.outbox, []
        self.log.append(dumps({"schema_version": 1, "items": items}))
        record = Record(TOPICS.evidence, len(self.log) - 1, "", self.log[-1])
        self.commit(self.writer.fold([record], 0, {}))
        return Outcome(0)

    def step(self, *, crash: bool = False) -> bool:
        """Take a step of a change of policy; tell whether there was one to take."""
        jobs = self.writer.pending_jobs()
        for name, job in jobs:
            until = min(job["from"] + 2, job["until"])
            effects = self.writer.answer(name, job, [b"%d" % until, *self.log[job["from"] : until]], 0)
            if crash:
                self.crash()
            else:
                self.commit(effects)
        return bool(jobs)

    def commit(self, effects: Effects) -> None:
        self.store.apply(effects)
        for topic, _, value, _ in effects.sends:
            record = loads(value or b"")
            if topic == TOPICS.assignments:
                self.assign(record)
            elif topic == TOPICS.decisions:
                known = self.decisions.get(record["decision_id"])
                assert known is None or known["version"] <= record["version"]
                self.decisions[record["decision_id"]] = record
            elif topic == TOPICS.policy:
                self.policies.append(record)
            else:
                for kind, *said in record["items"]:
                    if kind == "watch":
                        weak = None if said[1] is None else Identifier(*said[1])
                        self._answer(Watch(Identifier(*said[0]), weak))
                    else:
                        self._forget(Release(Identifier(said[0], said[1]), said[2]))

    def assign(self, record: Assignment) -> None:
        """What the newer generation ends while it is still being compared may never have been published."""
        held = self.view.slices.get(Identifier(record["type"], record["value"]), {})
        if record["profile_id"] is not None or record["from"] in held:
            self.view.apply(record)

    def settle(self) -> None:
        for _ in range(300):
            self.write()
            if not self.step() and not self.outbox:
                return
        raise AssertionError("the protocol does not come to rest")

    def decide(self, policy: Policy, number: int) -> None:
        self.outbox.append(policy_decision(document_of(policy), f"d{number}", "tried", number, "ann"))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(events(), max_size=10),
    st.lists(decisions(), max_size=3, unique_by=lambda item: item[-4]),
    st.lists(st.sampled_from(POLICIES), min_size=2, max_size=3),
    st.randoms(),
)
def test_a_change_of_policy_comes_to_what_the_definition_says(
    given_events: list[Event], given_decisions: list[Item], policies: list[Policy], order: random.Random
) -> None:
    system = Machine(policies[0])
    arrival: list[Event | Item | tuple[int, Policy]] = [*given_events, *given_decisions, *enumerate(policies[1:], 1)]
    order.shuffle(arrival)
    with patch.multiple(policy_change, COMPARED_A_STEP=1, CLEARED_A_STEP=3):
        for what in arrival:
            if isinstance(what, tuple):
                system.decide(what[1], what[0])
            elif isinstance(what, list):
                system.outbox.append(what)
            else:
                system.receive(what)
            if order.random() < 0.6:
                system.write()
            for _ in range(order.randrange(4)):
                system.step(crash=order.random() < 0.2)
            if order.random() < 0.2:
                system.crash()
        system.settle()
    check(system, same(list(system.events.values()), policies[-1], given_decisions))
    for decision in system.decisions.values():
        if decision["kind"] in ("join", "refuse") and not system._is_stale(decision):
            assert decision["profile_id"] == system.view.profile_at(Identifier(**decision["a"]), 0), decision
    assert not [key for key in system.store.pairs if key[:1] in b"iwcl" and system.writer._state.generation]


def test_the_policy_of_the_log_outlives_the_file_and_is_announced() -> None:
    system = Machine(Policy.default())
    for event in (at(1, u="u1", e="e1"), at(2, u="u1", e="e2")):
        system.receive(event)
    system.settle()
    strict = POLICIES[1]
    system.decide(strict, 1)
    system.settle()
    assert system.view.profile_at(Identifier("email", "e2"), 0) == seed_of(Identifier("email", "e2"))
    states = [record["state"] for record in system.policies]
    assert list(dict.fromkeys(states)) == ["refolding", "publishing", "clearing", "live"]
    assert system.policies[-1]["applied"] == {
        "policy": document_of(strict),
        "decision_id": "d1",
        "reason": "tried",
        "at": "1970-01-01T00:00:00.001Z",
    }
    assert system.policies[-1]["wanted"] is None
    # Started anew with the old file, the writer goes on under the policy in force.
    system.crash()
    assert system.writer.policy == strict != system.policy
    system.receive(at(3, u="u1", e="e3"))
    system.settle()
    assert system.view.profile_at(Identifier("email", "e3"), 0) == seed_of(Identifier("email", "e3"))


def test_an_equal_or_older_decision_changes_nothing_but_who_decided() -> None:
    system = Machine(Policy.default())
    system.receive(at(1, u="u1", e="e1"))
    system.settle()
    system.decide(Policy.default(), 5)
    system.settle()
    assert (system.policies[-1]["state"], system.policies[-1]["applied"]["decision_id"]) == ("live", "d5")
    said = len(system.policies)
    system.decide(POLICIES[1], 4)
    system.settle()
    assert len(system.policies) == said
    assert system.writer.policy == Policy.default()


def test_what_changed_hands_is_published_and_nothing_else() -> None:
    system = Machine(Policy.default())
    for number in range(20):
        system.receive(at(number, u=f"u{number}", e=f"e{number}"))
    system.receive(at(30, u="u7", e="other"))
    system.settle()
    told: list[Effects] = []
    commit = system.commit
    system.commit = lambda effects: (told.append(effects), commit(effects))[1]  # type: ignore[method-assign, func-returns-value]
    system.decide(POLICIES[1], 1)
    system.settle()
    moved = [loads(value or b"") for each in told for topic, _, value, _ in each.sends if topic == TOPICS.assignments]
    assert [(each["value"], each["profile_id"] == each["seed"]) for each in moved] == [("other", True)]
    decided = [loads(value or b"") for each in told for topic, _, value, _ in each.sends if topic == TOPICS.decisions]
    assert [(each["kind"], each["rule"]) for each in decided] == [("split", "pair"), ("refuse", "limit:email")]


@settings(max_examples=60, deadline=None)
@given(st.lists(events(), max_size=8), st.sampled_from(POLICIES), st.sampled_from(POLICIES), st.randoms())
def test_profiles_follow_as_if_it_had_always_been_so(
    given_events: list[Event], before: Policy, after: Policy, order: random.Random
) -> None:
    """Through all units: fragments and events that are on their way during the change, kills of any unit."""
    changed, always = Simulation(2, policy=before), Simulation(2, policy=after)
    for event in given_events:
        always.produce(event)
    always.settle()
    arrival: list[Event | None] = [*given_events, None]
    order.shuffle(arrival)
    for what in arrival:
        if what is None:
            changed.decide(policy_decision(document_of(after), "d1", "tried", 1, "ann"))
        else:
            changed.produce(what)
        for _ in range(order.randrange(4)):
            name = order.choice(changed.names)
            changed.step(name, most=2, crash=order.choice([None, None, "before", "after"]))
    changed.settle()
    assert public(changed) == public(always)
