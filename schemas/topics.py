"""Every topic: its name, its key, how long it keeps what it has, and who may read it.

`Topics(prefix)` gives the full names; `SPECS` is what `kith topics`, the broker set-up and the AsyncAPI document are
made from.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.event import CHANNELS

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic. `partitions` 0 means the configured count; `retention_ms` None means for ever."""

    name: str
    key: str
    cleanup: Literal["delete", "compact"]
    public: bool
    summary: str
    partitions: int = 0
    retention_ms: int | None = None


SPECS: tuple[TopicSpec, ...] = (
    *(
        TopicSpec(f"events.{channel}", "seed", "delete", True, f"Canonical events of the {channel} channel.")
        for channel in CHANNELS
    ),
    TopicSpec("events.rejected", "source id", "delete", True, "Dead letters.", retention_ms=30 * DAY_MS),
    TopicSpec("events.replays", "source id", "delete", False, "What became of dead letters.", retention_ms=30 * DAY_MS),
    TopicSpec(
        "identity.evidence",
        "seed",
        "delete",
        False,
        "Identifiers seen together, logins, operators' decisions.",
        partitions=1,
    ),
    TopicSpec("identity.assignments", "seed", "compact", False, "Which profile a seed belongs to, from when to when."),
    TopicSpec(
        "identity.policy", "policy", "compact", False, "The policy in force; how far the next has come.", partitions=1
    ),
    TopicSpec("identity.decisions", "profile id", "delete", True, "Join, split and refuse, each with its reason."),
    TopicSpec(
        "profiles.inbox",
        "profile id or seed",
        "delete",
        False,
        "Fragments and orders on their way to the partition that owns them.",
        retention_ms=30 * DAY_MS,
    ),
    TopicSpec("profiles.changelog", "profile id", "compact", True, "Newest state of each profile."),
    TopicSpec("orders.changelog", "order's seed", "compact", False, "Newest state of each order."),
    TopicSpec(
        "segments.definitions", "segment id", "compact", True, "Newest version of each definition.", partitions=1
    ),
    TopicSpec(
        "segments.progress", "segment id/partition", "compact", False, "How far a definition has reached everybody."
    ),
    TopicSpec("segments.changes", "profile id", "delete", True, "Entered and exited, one record per transition."),
    TopicSpec(
        "segments.subscriptions", "subscription id", "compact", False, "Who gets webhooks, and of what.", partitions=1
    ),
    TopicSpec(
        "segments.deliveries",
        "subscription id/place",
        "compact",
        False,
        "How far each subscription has come, and which deliveries wait or are dead.",
    ),
    TopicSpec("privacy.requests", "request id", "delete", False, "Erasures and restrictions.", partitions=1),
    TopicSpec(
        "state.partitions", "state key", "compact", False, "The workers' state, one partition per input partition."
    ),
    TopicSpec("state.identity", "state key", "compact", False, "The identity writer's state.", partitions=1),
    TopicSpec(
        "state.seen",
        "partition",
        "delete",
        False,
        "Event ids that a partition has counted, many in one record.",
        retention_ms=3 * DAY_MS,
    ),
)


class Topics:
    """Full topic names under one prefix (`kith.` by default)."""

    def __init__(self, prefix: str = "kith.") -> None:
        self.prefix = prefix
        self.events: dict[str, str] = {channel: f"{prefix}events.{channel}" for channel in CHANNELS}
        self.rejected = f"{prefix}events.rejected"
        self.replays = f"{prefix}events.replays"
        self.evidence = f"{prefix}identity.evidence"
        self.assignments = f"{prefix}identity.assignments"
        self.policy = f"{prefix}identity.policy"
        self.decisions = f"{prefix}identity.decisions"
        self.inbox = f"{prefix}profiles.inbox"
        self.profiles = f"{prefix}profiles.changelog"
        self.orders = f"{prefix}orders.changelog"
        self.definitions = f"{prefix}segments.definitions"
        self.progress = f"{prefix}segments.progress"
        self.changes = f"{prefix}segments.changes"
        self.subscriptions = f"{prefix}segments.subscriptions"
        self.deliveries = f"{prefix}segments.deliveries"
        self.privacy = f"{prefix}privacy.requests"
        self.state = f"{prefix}state.partitions"
        self.identity_state = f"{prefix}state.identity"
        self.seen = f"{prefix}state.seen"

    def partition_inputs(self) -> list[str]:
        """Return the co-partitioned topics whose partition p makes up the worker's unit p."""
        return [*self.events.values(), self.assignments, self.inbox]
