"""What another policy would change: the whole evidence, folded under both policies side by side, and compared.

Nothing of the running stack is touched: the evidence is read from its log, the two states are in a folder that goes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.local.operator_api import OperatorApi
from processors.evidence_log import EvidenceLog
from processors.identity.compare import BEGINNING, PASSES, Place, compare
from processors.identity.evidence import POLICY
from processors.identity.fold import IdentityFold
from processors.identity.generation import Generation
from processors.identity.plan import Example, Plan, Planning
from processors.identity.policy import Policy
from processors.identity.words import named
from processors.store import Store
from schemas.codec import loads
from schemas.errors import KithError
from schemas.settings import Settings

_RECORDS_A_BATCH = 200
_COMPARED_AT_ONCE = 1_000
_PROFILES_A_QUERY = 1_000
_ORDERS = "SELECT count() FROM orders_by_profile WHERE has({ids:Array(UUID)}, profile_id)"
# What is going on, how much of it is done, and how much there is (0 while unknown).
Progress = Callable[[str, int, int], None]


def plan_of(settings: Settings, before: Policy, after: Policy, progress: Progress) -> Plan:
    """Return how people differ under two policies. Raises `KithError` where the log does not reach its beginning."""
    log = EvidenceLog(settings)
    start, end = log.ends()
    if start:
        raise KithError(
            f"{settings.topics.evidence} begins at offset {start}: retention has removed evidence, and nobody knows "
            "what another policy would have made of it."
        )
    with TemporaryDirectory(prefix="kith-plan-") as folder:
        store = Store(Path(folder) / "state")
        try:
            generations = (Generation(0, store.get, store.scan), Generation(1, store.get, store.scan))
            folds = [IdentityFold(policy, each.get) for policy, each in zip((before, after), generations, strict=True)]
            for position, items in _batches(log, start, end):
                for fold, generation in zip(folds, generations, strict=True):
                    store.write(generation.own(fold.fold(items, position).writes))
                progress("reading the evidence", position, end)
            return _compared(generations, (before, after), progress)
        finally:
            store.close()


def _batches(log: EvidenceLog, start: int, end: int) -> Iterator[tuple[int, list[Any]]]:
    items: list[Any] = []
    for number, (offset, record) in enumerate(log.records(start, end), 1):
        items += [item for item in loads(record)["items"] if item[0] != POLICY]
        if number % _RECORDS_A_BATCH == 0:
            yield offset + 1, items
            items = []
    yield end, items


def _compared(generations: tuple[Generation, Generation], policies: tuple[Policy, Policy], progress: Progress) -> Plan:
    planning = Planning(*policies)
    place: Place | None = BEGINNING
    while place is not None:
        progress("comparing people", place[0], PASSES)
        difference, place = compare(*generations, policies, place, _COMPARED_AT_ONCE)
        planning.add(difference)
    return planning.plan()


def orders_of(api: OperatorApi, profile_ids: list[str], progress: Progress) -> int:
    """Return how many orders these profiles have now."""
    found = 0
    for first in range(0, len(profile_ids), _PROFILES_A_QUERY):
        progress("counting orders", first, len(profile_ids))
        ids = profile_ids[first : first + _PROFILES_A_QUERY]
        found += int(api.post("/v1/query", {"sql": _ORDERS, "parameters": {"ids": ids}})["rows"][0][0])
    return found


def describe(plan: Plan, changes: list[str], orders: int) -> list[str]:
    """Return the plan as lines for an operator."""
    lines = (
        ["The policy changes:", *(f"  {change}" for change in changes)] if changes else ["It is the policy in force."]
    )
    touched = len(plan.touched())
    if not touched and not plan.slices:
        return [*lines, "", "It would change nobody: everybody keeps the identifiers that they have."]
    lines += [
        "",
        f"{sum(map(len, plan.joined.values())):>9,} people would be joined into {len(plan.joined):,}",
        f"{len(plan.split):>9,} people would be split into {sum(map(len, plan.split.values())):,}",
        f"{len(plan.renamed):>9,} people would be known by another identifier",
        f"{plan.moved:>9,} identifiers would belong to another profile",
        f"{plan.slices:>9,} stretches of browsers and devices would change hands",
        f"{touched:>9,} profiles and {orders:,} orders are touched",
    ]
    for title, examples, verb in (("Joined", plan.joins, "with"), ("Split", plan.splits, "from")):
        if examples:
            lines += ["", f"{title}, for example:"]
            lines += [line for example in examples for line in _example(example, verb)]
    return lines


def as_json(plan: Plan, changes: list[str], orders: int) -> dict[str, Any]:
    """Return the plan's figures and examples as a document."""
    return {
        "changes": changes,
        "joined": {"people": sum(map(len, plan.joined.values())), "into": len(plan.joined)},
        "split": {"people": len(plan.split), "into": sum(map(len, plan.split.values()))},
        "renamed": len(plan.renamed),
        "identifiers": plan.moved,
        "slices": plan.slices,
        "profiles": len(plan.touched()),
        "orders": orders,
        "examples": {
            "joined": [_document(each) for each in plan.joins],
            "split": [_document(each) for each in plan.splits],
        },
    }


def _document(example: Example) -> dict[str, Any]:
    return {
        "person": dict(zip(("type", "value"), example.person, strict=True)),
        "others": [dict(zip(("type", "value"), other, strict=True)) for other in example.others],
        "reasons": example.reasons,
    }


def _example(example: Example, verb: str) -> list[str]:
    person, *others = (named({"type": type_, "value": value}) for type_, value in (example.person, *example.others[:5]))
    more = f" and {len(example.others) - 5} more" if len(example.others) > 5 else ""
    return [f"  {person} {verb} {', '.join(others)}{more}", *(f"    - {reason}" for reason in example.reasons)]
