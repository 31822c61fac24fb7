"""Profiles as they were, from the real engine."""

from typing import Any

from schemas.identifier import event_id_of
from tests.parts.api import Api
from tests.parts.people import TOPICS, Writer, person, seed
from tests.unit.projections.records import change, event

DAYS = [f"2026-01-{day:02d}T12:00:00.000Z" for day in range(1, 6)]
COOKIE = [{"type": "anonymous_id", "value": "a1"}]
USER = [{"type": "user_id", "value": "u1"}]


def at(day: int, identifiers: list[dict[str, str]], **changes: Any) -> dict[str, Any]:
    when = dict.fromkeys(("occurred_at", "received_at", "original_timestamp"), DAYS[day])
    made = event(f"m{day}", seed(identifiers[0]["type"], identifiers[0]["value"]), identifiers=identifiers, **changes)
    return {**made, **when, "event_id": event_id_of("shop", f"m{day}")}


def order(total: str, status: str, **more: Any) -> dict[str, Any]:
    return {"order_id": "o1", "store": "shop", "total": total, "currency": "EUR", "status": status, **more}


def put(writer: Writer) -> str:
    """A visitor on the first day, who logs in on the second, buys on the third and gets money back on the fourth."""
    jane = person(1)
    shared = {"channel": "order", "type": "track"}
    writer.people([jane])
    writer.put(
        TOPICS.events["web"],
        [
            at(0, COOKIE, type="page", event="Home"),
            at(1, USER, type="identify", event=None, traits={"country": "FR"}),
            at(2, USER, event="Order Completed", properties=order("50.00", "paid"), **shared),
            at(3, USER, event="Order Refunded", properties={**order("20.00", "paid"), "refund_id": "r1"}, **shared),
            at(4, USER, type="identify", event=None, traits={"country": "BE"}),
        ],
    )
    owned = {"seed": seed("order:shop", "o1"), "type": "order:shop", "value": "o1", "from": None, "to": None}
    writer.put(TOPICS.assignments, [{**owned, "schema_version": 1, "profile_id": jane["profile_id"], "version": 1}])
    return str(jane["profile_id"])


def then(api: Api, moment: str) -> Any:
    return api.get(f"/v1/profiles/user_id:u1?as_of={moment}").json


def test_a_profile_is_that_of_the_events_up_to_the_moment(api: Api, writer: Writer) -> None:
    put(writer)
    first = then(api, DAYS[0])
    # What the cookie did belongs to whoever has the cookie today; who that is had not been said then.
    assert first["activity"]["page_views"] == 1
    assert [each["value"] for each in first["identifiers"]] == ["a1"]
    assert (first["traits"], first["orders"]["count"]) == ({}, 0)
    assert then(api, DAYS[1])["traits"] == {"country": "FR"}
    bought = then(api, "2026-01-03")
    assert bought["orders"]["count"] == 0
    bought = then(api, "2026-01-04")
    assert (bought["orders"]["revenue"], bought["orders"]["refunded"]) == ({"EUR": "50.00"}, {"EUR": "0.00"})
    newest = then(api, "2030-01-01")
    assert (newest["orders"]["revenue"], newest["orders"]["refunded"]) == ({"EUR": "30.00"}, {"EUR": "20.00"})
    assert (newest["traits"], newest["as_of"]) == ({"country": "BE"}, DAYS[4])
    assert newest["profile_id"] == first["profile_id"]


def test_memberships_are_those_published_by_then(api: Api, writer: Writer) -> None:
    owner = put(writer)
    # Records of these tests carry the time 2026-01-31T10:15:00.123Z.
    writer.put(TOPICS.changes, [change(1, profile_id=owner), change(1, segment_id="new", profile_id=owner)])
    writer.put(TOPICS.changes, [change(2, segment_id="new", profile_id=owner)])
    assert then(api, "2026-01-31T10:15:00Z")["segments"] == []
    assert then(api, "2026-01-31T10:16:00Z")["segments"] == [{"id": "vip", "since": "2026-01-31T10:15:00.123Z"}]


def test_before_the_first_event_there_was_nobody(api: Api, writer: Writer) -> None:
    put(writer)
    assert api.get("/v1/profiles/user_id:u1?as_of=2025-12-31").status == 404
    assert api.get("/v1/profiles/user_id:u1?as_of=yesterday").status == 400
    assert set(then(api, DAYS[2] + "&fields=traits")) == {"traits"}
