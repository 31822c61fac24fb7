"""Analytics over HTTP, from the real engine: against plain computations, and kept as long as the data is the same."""

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from tests.contract.projections.shop import NAMES, Shop, shop
from tests.parts.api import Api
from tests.parts.people import TOPICS, Writer, seed
from tests.unit.projections.records import assignment, event

ASKED = [
    "/v1/analytics/funnel?steps=Product+Viewed&steps=Order+Completed",
    "/v1/analytics/retention?start=Product+Viewed&return=Product+Added&period=day",
    "/v1/analytics/rfm",
    "/v1/analytics/revenue?by=day",
    "/v1/analytics/products?by=orders",
    "/v1/analytics/segments",
]


@pytest.fixture(params=range(3))
def made(request: pytest.FixtureRequest, writer: Writer) -> Shop:
    found = shop(request.param)
    found.write(writer)
    return found


def counted(made: Shop, start: str = "", end: str = "9") -> list[dict[str, str]]:
    return [
        each
        for each in made.orders
        if each["status"] != "cancelled" and start <= (each["placed_at"] or each["updated_at"]) < end
    ]


def test_revenue_is_that_of_the_orders_counted_here(api: Api, made: Shop) -> None:
    items = api.every("/v1/analytics/revenue?by=week", 2)
    wanted = counted(made)
    assert sum(item["orders"] for item in items) == len(wanted)
    net = sum(Decimal(each["total"] or 0) - Decimal(each["refunded"] or 0) for each in wanted)
    assert sum(Decimal(item["net"]) for item in items) == net


def test_rfm_keeps_to_the_time_asked_for(api: Api, made: Shop) -> None:
    everything = api.get("/v1/analytics/rfm").json
    people = {made.owner(each["seed"], 0) for each in counted(made)}
    assert everything["people"] == len(people)
    middle = "2026-01-10T00:00:00.000Z"
    for start, end, query in (
        (middle, "9", {"from": middle}),
        ("", middle, {"to": middle}),
        ("", "2026-01-10T00:00:00.001Z", {"as_of": middle}),
    ):
        found = api.get(f"/v1/analytics/rfm?{urlencode(query)}").json
        assert found["people"] == len({made.owner(each["seed"], 0) for each in counted(made, start, end)})


def test_the_first_step_of_a_funnel_is_who_did_it(api: Api, made: Shop) -> None:
    steps = api.get("/v1/analytics/funnel?" + urlencode([("steps", name) for name in NAMES])).json["steps"]
    people = {made.owner(each["seed"], each["t"]) for each in made.events if each["event"] == NAMES[0]}
    assert steps[0]["people"] == len(people)
    assert [step["people"] for step in steps] == sorted((step["people"] for step in steps), reverse=True)


def test_an_answer_has_a_tag_for_as_long_as_the_data_is_the_same(api: Api, writer: Writer) -> None:
    shop(1).write(writer)
    first = [api.get(path) for path in ASKED]
    tags = [answer.headers["etag"] for answer in first]
    assert len(set(tags)) == len(ASKED)
    for path, answer in zip(ASKED, first, strict=True):
        assert answer.status == 200
        again = api.get(path)
        assert (again.headers["etag"], again.body) == (answer.headers["etag"], answer.body)
        assert api.get(path, if_none_match=answer.headers["etag"]).status == 304
        assert api.get(path, if_none_match='"other"').status == 200
    # Merges of parts are no news.
    for table in ("events", "identity_slices", "order_states"):
        writer.client.command(f"OPTIMIZE TABLE {table} FINAL")
    assert api.get(ASKED[0]).headers["etag"] == tags[0]


def test_new_events_and_new_identities_are_answered_at_once(api: Api, writer: Writer) -> None:
    path = "/v1/analytics/funnel?steps=Product+Viewed"
    empty = api.get(path)
    assert empty.json["steps"][0]["people"] == 0
    cookies = [seed("anonymous_id", name) for name in "ab"]
    writer.put(TOPICS.events["web"], [event(f"m{n}", cookie) for n, cookie in enumerate(cookies)])
    two = api.get(path, if_none_match=empty.headers["etag"])
    assert (two.status, two.json["steps"][0]["people"]) == (200, 2)
    user = seed("user_id", "u")
    writer.put(
        TOPICS.assignments,
        [
            assignment(seed=cookie, type="anonymous_id", value=name, profile_id=user)
            for name, cookie in zip("ab", cookies, strict=True)
        ],
    )
    one = api.get(path, if_none_match=two.headers["etag"])
    assert (one.status, one.json["steps"][0]["people"]) == (200, 1)
    writer.client.command("DELETE FROM events WHERE 1")
    assert api.get(path, if_none_match=one.headers["etag"]).json["steps"][0]["people"] == 0
