"""What each figure is to reach: the floor that must hold, and the goal. Told beside the figures, never asserted."""

from typing import NamedTuple


class Target(NamedTuple):
    """`of` says what is compared: the ratio to the baseline, or the value itself. `better` is the good direction."""

    of: str
    better: str
    floor: float
    goal: float

    def verdict(self, reached: float) -> str:
        """Return `goal`, `floor` or `missed`."""
        for name, limit in (("goal", self.goal), ("floor", self.floor)):
            if reached >= limit if self.better == "more" else reached <= limit:
                return name
        return "missed"


TARGETS: dict[str, Target] = {
    "collector_batch": Target("ratio", "more", 0.8, 1.5),
    "collector_single": Target("ratio", "more", 0.7, 1.0),
    "pipeline": Target("ratio", "more", 1.0, 4.0),
    "latency_p99": Target("value", "less", 500.0, 100.0),
    "profile_get": Target("ratio", "less", 3.0, 1.2),
    "profiles_fold_1000": Target("ratio", "less", 2.0, 1.2),
    "profiles_fold_10000": Target("ratio", "less", 2.0, 1.2),
    "profiles_batch_100": Target("ratio", "less", 5.0, 2.0),
    "restart": Target("value", "less", 10.0, 3.0),
    "memory": Target("value", "less", 200.0, 60.0),
    "segments_200": Target("ratio", "less", 3.0, 1.5),
    "segments_timers_late": Target("value", "less", 2_000.0, 1_000.0),
    "segments_timers_early": Target("value", "less", 0.0, 0.0),
    "segments_timers_memory": Target("value", "less", 300.0, 150.0),
    "segments_timers_restart": Target("value", "less", 10.0, 3.0),
    "segments_backfill": Target("ratio", "more", 0.5, 1.0),
    "segments_webhooks_one": Target("value", "more", 2_000.0, 4_000.0),
    "segments_stream_one": Target("value", "more", 2_000.0, 10_000.0),
    "segments_webhooks_p99": Target("value", "less", 2_000.0, 500.0),
    "projections_sink": Target("ratio", "more", 0.5, 1.0),
    "projections_freshness_p95": Target("value", "less", 2_000.0, 1_000.0),
    "projections_rebuild": Target("ratio", "more", 1 / 3, 1.0),
    "projections_person": Target("ratio", "less", 3.0, 1.5),
    "projections_attribution": Target("ratio", "less", 1.5, 1.1),
    "projections_funnel": Target("ratio", "less", 3.0, 1.5),
    "identity_pairs": Target("ratio", "more", 1 / 3, 1.0),
    "identity_shared_device": Target("value", "less", 50.0, 50.0),
    "identity_memory": Target("value", "less", 400.0, 150.0),
    "identity_start": Target("value", "less", 10.0, 3.0),
    "identity_anonymous": Target("ratio", "more", 0.8, 1.0),
}
