"""What becomes of an event that breaks its source's tracking plan: accepted, flagged or rejected, and counted."""

from collections.abc import Sequence

from ingest.canonical import Event, Rejection
from ingest.plan import Plan, Violation
from ingest.plan_folder import PlanFolder
from schemas.metrics import counter
from schemas.source import Source

FLAG = "plan_violation"
_OUTCOMES = {"accept": "accepted", "flag": "flagged", "reject": "rejected"}


class Planning:
    """Holds events against the plans in force."""

    def __init__(self, plans: PlanFolder) -> None:
        self._plans = plans
        self._violations = counter("kith_collector_plan_violations_total")

    def check(self, event: Event, source: Source) -> Rejection | None:
        """Return why the source's plan rejects the event, or None; flags it where the source says so."""
        plan = self._plans.current.get(source.name)
        if plan is None or not (violations := plan.violations(event)):
            return None
        self._violations.labels(source.name, _OUTCOMES[source.plan]).inc()
        if source.plan == "reject":
            return Rejection("plan_violation", _sentence(plan, event, violations))
        if source.plan == "flag":
            event["flags"].append(FLAG)
            event["context"] = {**event["context"], "plan": _told(plan, violations)}
        return None


def _sentence(plan: Plan, event: Event, violations: Sequence[Violation]) -> str:
    faults = "; ".join(f"{violation.path or '/'}: {violation.message}" for violation in violations)
    return f"{event['event'] or event['type']} breaks version {plan.version} of the tracking plan: {faults}."


def _told(plan: Plan, violations: Sequence[Violation]) -> dict[str, object]:
    return {"version": plan.version, "violations": [violation._asdict() for violation in violations]}
