"""Workers, a log and a writer that is killed at any point, driven by Hypothesis, against the definition."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from processors.identity.evidence import Item
from processors.identity.policy import Policy
from tests.unit.processors.identity.shop import Event, System, check, same
from tests.unit.processors.identity.test_fold import POLICIES, events
from tests.unit.processors.identity.test_operators import decisions


class Writing(RuleBasedStateMachine):
    """The log is `system.outbox`: the writer reads some of it, and its transaction succeeds or fails as a whole."""

    @initialize(policy=POLICIES, capacity=st.integers(1, 20))
    def start(self, policy: Policy, capacity: int) -> None:
        self.system = System(policy, capacity)
        self.decided: list[Item] = []

    @rule(event=events())
    def event_arrives(self, event: Event) -> None:
        self.system.receive(event)

    @rule(decision=decisions(), number=st.integers(0, 10_000))
    def operator_decides(self, decision: Item, number: int) -> None:
        decision[-4] = f"d{number}-{len(self.decided)}"
        self.decided.append(decision)
        self.system.outbox.append(decision)

    @rule(count=st.integers(1, 5))
    def writer_commits(self, count: int) -> None:
        rest = self.system.outbox[count:]
        del self.system.outbox[count:]
        self.system.write()
        self.system.outbox[:0] = rest

    @rule(count=st.integers(1, 5))
    def writer_dies_before_it_commits(self, count: int) -> None:
        self.system.fold.fold(self.system.outbox[:count], self.system.version + 1)
        self.system.crash()

    @rule()
    def writer_dies_after_it_commits(self) -> None:
        self.system.crash()

    @rule(count=st.integers(1, 5))
    def log_repeats_itself(self, count: int) -> None:
        self.system.outbox += self.system.sent[-count:]

    @invariant()
    def at_rest_it_is_what_the_definition_says(self) -> None:
        if hasattr(self, "system") and not self.system.outbox:
            world = same(list(self.system.events.values()), self.system.policy, self.decided)
            check(self.system, world)

    def teardown(self) -> None:
        if hasattr(self, "system"):
            self.system.settle()
            self.at_rest_it_is_what_the_definition_says()


TestWriting = Writing.TestCase
TestWriting.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
