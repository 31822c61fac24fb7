"""Identity, kept up to date: the writer folds evidence in batches and publishes only what changes.

The answer is that of `resolve`, whatever the order, the repetition and the batching of the evidence. A batch is taken
in first (`intake`, into the `graph`); then every component that it touched is grouped anew, once, and every device on
which somebody logged in or changed hands is cut anew (`settle`).
"""

from collections.abc import Sequence
from typing import Final

from processors.identity.evidence import Item
from processors.identity.graph import Graph
from processors.identity.intake import Intake
from processors.identity.outcome import Outcome
from processors.identity.policy import Policy
from processors.identity.settle import settle
from processors.identity.store import Get, Store

# Decoded identifiers kept, in each of two generations: 200 to 350 MB at most, whatever the size of the world.
CAPACITY: Final = 50_000


class IdentityFold:
    """The writer's fold. `get` reads what earlier outcomes' `writes` have stored; nothing else outlives a batch."""

    def __init__(self, policy: Policy, get: Get, capacity: int = CAPACITY) -> None:
        self._policy = policy
        self._store = Store(policy, get, capacity)

    def fold(self, items: Sequence[Item], version: int) -> Outcome:
        """Take in a batch of evidence and return what changes; `version` (growing) goes into what is published.

        The caller stores `writes` before it gives another batch, or starts anew with a new fold on what it had stored.
        Raises `ValueError` for an item of an unknown kind; the fold must not be used any more then.
        """
        graph = Graph(self._policy, self._store)
        Intake(graph).take(items)
        outcome = Outcome(version)
        settle(graph.touched, self._policy, self._store, outcome)
        return outcome
