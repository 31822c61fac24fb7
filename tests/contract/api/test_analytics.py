"""Analytics over HTTP, from the real engine: against plain computations, and kept as long as the data is the same."""

from urllib.parse import urlencode

import pytest

from tests.contract.projections.shop import shop
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


def test_a_list_read_page_by_page_is_the_whole_list(api: Api, writer: Writer) -> None:
    shop(0).write(writer)
    for path in ("revenue?by=week", "products?by=revenue", "products?by=views", "segments?by=week"):
        whole = api.get(f"/v1/analytics/{path}").json["items"]
        assert api.every(f"/v1/analytics/{path}", 2) == whole
        assert len(whole) > 2


def test_rfm_as_of_holds_its_own_instant(api: Api, writer: Writer) -> None:
    made = shop(1)
    made.write(writer)
    placed = max(each["placed_at"] for each in made.orders if each["status"] != "cancelled")
    by_then = api.get("/v1/analytics/rfm?" + urlencode({"as_of": placed})).json
    assert by_then == api.get("/v1/analytics/rfm").json
    assert by_then != api.get("/v1/analytics/rfm?" + urlencode({"to": placed})).json


def test_dates_and_times_without_an_offset_are_those_of_the_zone(api: Api, writer: Writer) -> None:
    shop(1).write(writer)
    # St. John's is three hours and a half behind UTC in winter.
    answers = [
        api.get("/v1/analytics/revenue?" + urlencode({"from": start, "to": "2026-02-01T00:00:00Z"})).body
        for start in ("2026-01-10", "2026-01-10T00:00", "2026-01-10T03:30:00Z", "2026-01-10T04:30:00+01:00")
    ]
    assert set(answers) == {answers[0]}
    assert answers[0] != api.get("/v1/analytics/revenue?from=2026-01-15&to=2026-02-01T00:00:00Z").body


def test_every_channel_holds_all_orders_that_came_from_there(api: Api, writer: Writer) -> None:
    shop(2).write(writer)

    def orders(channel: str) -> int:
        return sum(item["orders"] for item in api.get(f"/v1/analytics/revenue?channel={channel}").json["items"])

    assert orders("order") == orders("") > orders("web") + orders("chat") + orders("social") > 0


@pytest.mark.parametrize("path", ASKED)
def test_what_cannot_be_asked_for_gets_a_sentence(api: Api, writer: Writer, path: str) -> None:
    more = path + ("&" if "?" in path else "?")
    channel = api.get(more + "channel=phone")
    assert (channel.status, channel.json["type"]) == (422, "urn:kith:invalid")
    assert all(name in channel.json["detail"] for name in ("phone", "web", "order", "chat", "social"))
    turned = api.get(more + "from=2026-02-01&to=2026-01-31")
    assert (turned.status, turned.json["type"]) == (400, "urn:kith:bad-request")
    assert api.get(more + "from=yesterday").status == 400


def test_a_segment_that_never_was_is_not_found(api: Api, writer: Writer) -> None:
    segment = api.get("/v1/analytics/revenue?segment=nobody")
    assert (segment.status, segment.json["type"]) == (404, "urn:kith:not-found")


def test_names_are_written_as_the_collector_writes_them(api: Api, writer: Writer) -> None:
    writer.put(TOPICS.events["web"], [event("m1", seed("user_id", "u"), event='it\'s "a.b"')])
    [step] = api.get("/v1/analytics/funnel?" + urlencode({"steps": ' it\'s\x07 "a.b"\t'})).json["steps"]
    assert (step["event"], step["people"]) == ('it\'s "a.b"', 1)
    for query in (
        "funnel?steps=",
        "funnel?steps=a&steps=%20",
        "retention?start=&return=a",
        "retention?start=a&return=%09",
    ):
        answer = api.get(f"/v1/analytics/{query}")
        assert (answer.status, answer.json["type"]) == (422, "urn:kith:invalid")


@pytest.mark.parametrize("cursor", ["x", "WzEsMl0", "WyJhYmMiLCJiIl0", "WyIxZTk5OTk5IiwiYiJd", "WyJOYU4iLCJiIl0"])
def test_a_made_up_cursor_is_refused(api: Api, writer: Writer, cursor: str) -> None:
    answer = api.get(f"/v1/analytics/products?cursor={cursor}")
    assert (answer.status, answer.json["type"]) == (400, "urn:kith:invalid-cursor")


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


def test_an_answer_from_before_the_owners_were_loaded_does_not_stay(api: Api, writer: Writer) -> None:
    path = "/v1/analytics/funnel?steps=Product+Viewed"
    cookies = [seed("anonymous_id", name) for name in "ab"]
    writer.put(TOPICS.events["web"], [event(f"m{n}", cookie) for n, cookie in enumerate(cookies)])
    assert api.get(path).json["steps"][0]["people"] == 2
    writer.client.command(
        "INSERT INTO identity_slices (seed, valid_from, valid_to, profile_id) SELECT arrayJoin({seeds:Array(UUID)}), "
        "'1900-01-01 00:00:00.000', '2299-12-31 23:59:59.999', {user:UUID}",
        parameters={"seeds": cookies, "user": seed("user_id", "u")},
    )
    between = api.get(path)
    writer.client.command("SYSTEM RELOAD DICTIONARY identity_unsettled")
    after = api.get(path, if_none_match=between.headers["etag"])
    # ClickHouse may have loaded it by itself before the answer in between.
    newest = between if after.status == 304 else after
    assert (newest.status, newest.json["steps"][0]["people"]) == (200, 1)
