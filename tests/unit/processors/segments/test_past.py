"""Since when, and by which event, a clause on a field of the profile is what it is."""

from typing import Any

from processors.segments.compile import compile_set
from processors.segments.definition import parse
from processors.segments.explain import explain
from schemas.times import to_iso
from tests.unit.processors.segments.generated import START
from tests.unit.projections.records import event as canonical

SECOND = 1_000


def event(second: int, **changes: Any) -> dict[str, Any]:
    return canonical(f"m{second}", occurred_at=to_iso(START + second * SECOND), **changes)


def identify(second: int, **traits: Any) -> dict[str, Any]:
    return event(second, type="identify", event=None, traits=traits)


def order(second: int, id_: str, total: str) -> dict[str, Any]:
    properties = {"order_id": id_, "store": "s", "total": total, "currency": "EUR"}
    return event(second, channel="order", event="Order Completed", properties=properties)


def explained(where: dict[str, Any], events: list[Any], profile: dict[str, Any], second: int = 60) -> dict[str, Any]:
    compiled = compile_set({"s": (1, parse({"id": "s", "where": where}))})
    return explain(compiled, "s", profile, {}, START + second * SECOND, events)


def said(found: dict[str, Any]) -> tuple[bool, str | None, str | None]:
    return found["true"], found["since"], found["because"]


FRENCH = {"trait": "country", "op": "eq", "value": "FR"}


def test_a_trait_is_so_since_the_newest_event_that_made_it_so() -> None:
    events = [identify(5, country="BE"), identify(9, country="FR"), identify(12, country="FR", age=3), event(20)]
    now = {"traits": {"country": "FR", "age": 3}}
    at = to_iso(START + 9 * SECOND)
    assert said(explained(FRENCH, events[::-1], now)["where"]) == (True, at, events[1]["event_id"])
    assert said(explained({"not": FRENCH}, events, now)["where"]) == (False, at, events[1]["event_id"])
    gone = [*events, identify(30, country=None)]
    missing = explained({"trait": "country", "op": "missing"}, gone, {"traits": {"age": 3}})
    assert said(missing["where"]) == (True, to_iso(START + 30 * SECOND), gone[-1]["event_id"])
    never = explained({"trait": "plan", "op": "eq", "value": "gold"}, events, now)
    assert said(never["where"]) == (False, None, None)


def test_revenue_and_consent_name_their_events_and_the_whole_names_the_last() -> None:
    agreed = event(14, context={"consent": {"categoryPreferences": {"mail": True}}})
    events = [order(10, "1", "60"), agreed, order(18, "2", "50"), order(19, "3", "1")]
    profile = {
        "orders": {"count": 3, "revenue": {"EUR": "111.00"}},
        "consent": {"mail": {"granted": True, "at": to_iso(START + 14 * SECOND)}},
    }
    rich = {"metric": "orders.revenue.EUR", "op": "gte", "value": 100}
    found = explained({"all": [rich, {"consent": "mail", "op": "granted"}]}, events, profile)
    assert found["member"] is True
    assert said(found["where"]) == (True, to_iso(START + 18 * SECOND), events[2]["event_id"])
    assert [said(part)[2] for part in found["where"]["all"]] == [events[2]["event_id"], agreed["event_id"]]


def test_what_is_dated_later_has_not_happened_yet() -> None:
    events = [identify(5, country="FR"), identify(50, country="BE")]
    found = explained(FRENCH, events, {"traits": {"country": "FR"}}, second=20)
    assert said(found["where"]) == (True, to_iso(START + 5 * SECOND), events[0]["event_id"])
