"""Profiles over HTTP, from the real engine."""

from urllib.parse import quote

import pytest

from schemas.codec import dumps, loads
from schemas.identifier import event_id_of
from tests.parts.api import Api
from tests.parts.people import TOPICS, Writer, person, seed, slices
from tests.unit.projections.records import event, order


def test_a_profile_is_found_by_each_of_its_identifiers_byte_for_byte(api: Api, writer: Writer) -> None:
    writer.people(person(n) for n in range(20))
    raw = dumps(person(7))
    keys = ["user_id:u7", "email:U7@x.fr", "anonymous_id:a7"]
    keys += [f"profile_id:{seed('user_id', 'u7')}", f"profile_id:{seed('email', 'u7@x.fr')}"]
    for key in keys:
        answer = api.get(f"/v1/profiles/{quote(key, safe='')}")
        assert (answer.status, answer.body) == (200, raw)


def test_the_newest_state_is_answered_and_a_profile_that_ceased_is_gone(api: Api, writer: Writer) -> None:
    writer.people([person(1)])
    for version in range(2, 6):
        writer.put(TOPICS.profiles, [person(1, version=version)])
    assert api.get("/v1/profiles/user_id:u1").json["version"] == 5
    writer.put(TOPICS.profiles, [None], [seed("user_id", "u1")])
    assert api.get("/v1/profiles/user_id:u1").status == 404
    assert api.get("/v1/profiles/email:u1@x.fr").status == 404


def test_an_identifier_that_moved_answers_with_whoever_holds_it_now(api: Api, writer: Writer) -> None:
    first, second = person(1), person(2)
    writer.people([first, second])
    email = first["identifiers"][1]
    second["identifiers"].append(email)
    second["aliases"].append(seed("email", "u1@x.fr"))
    first["identifiers"].remove(email)
    first["aliases"].remove(seed("email", "u1@x.fr"))
    writer.people([first, second])
    assert api.get("/v1/profiles/email:u1@x.fr").json["profile_id"] == second["profile_id"]
    assert api.get(f"/v1/profiles/profile_id:{seed('email', 'u1@x.fr')}").json["profile_id"] == second["profile_id"]
    # While the old owner has not been published anew, identity decides.
    writer.put(TOPICS.profiles, [person(1)])
    assert api.get("/v1/profiles/email:u1@x.fr").json["profile_id"] == second["profile_id"]


def test_a_shared_device_answers_with_its_latest_owner(api: Api, writer: Writer) -> None:
    shared = {"type": "anonymous_id", "value": "tablet"}
    people = [person(n) for n in (1, 2)]
    for each in people:
        each["identifiers"].append(shared)
        each["aliases"].append(seed("anonymous_id", "tablet"))
    writer.people(people)
    [first, second] = [next(s for s in slices(each) if s["value"] == "tablet") for each in people]
    writer.put(TOPICS.assignments, [{**first, "to": 1000}, {**second, "from": 1000}])
    assert api.get("/v1/profiles/anonymous_id:tablet").json["profile_id"] == people[1]["profile_id"]


def test_an_identifier_without_evidence_is_its_own_profile(api: Api, writer: Writer) -> None:
    alone = person(9, profile_id=seed("anonymous_id", "a9"), aliases=[], identifiers=[])
    writer.put(TOPICS.profiles, [alone])
    assert api.get("/v1/profiles/anonymous_id:a9").json["profile_id"] == alone["profile_id"]


@pytest.mark.parametrize("key", ["user_id:nobody", "email:no", "phone:12", "user_id:null", "profile_id:" + "0" * 32])
def test_nobody_is_404(api: Api, key: str) -> None:
    answer = api.get(f"/v1/profiles/{key}")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["type"] == "urn:kith:not-found"


@pytest.mark.parametrize("key", ["nope:1", "user_id", "shopify:7", "profile_id:1", "user_id:" + "x" * 3000])
def test_what_is_no_key_is_400(api: Api, key: str) -> None:
    assert api.get(f"/v1/profiles/{key}").status == 400


def test_keys_may_hold_any_character(api: Api, writer: Writer) -> None:
    for value in ("a/b", "a b", "100%", "é?&#", "a'b\\c", "events", "x/events", "%2F"):
        alone = person(1, profile_id=seed("user_id", value), aliases=[], identifiers=[])
        writer.put(TOPICS.profiles, [alone])
        assert api.get(f"/v1/profiles/user_id:{quote(value, safe='')}").json["profile_id"] == alone["profile_id"]
        assert api.get(f"/v1/profiles/user_id:{quote(value, safe='')}/events").json == {"items": [], "next": None}


def test_only_the_fields_asked_for(api: Api, writer: Writer) -> None:
    writer.people([person(1)])
    answer = api.get("/v1/profiles/user_id:u1?fields=traits,version,nothing")
    assert answer.json == {"version": 1, "traits": person(1)["traits"]}


def test_what_has_not_changed_is_not_sent_again(api: Api, writer: Writer) -> None:
    writer.people([person(1)])
    tag = api.get("/v1/profiles/user_id:u1").headers["etag"]
    again = api.get("/v1/profiles/user_id:u1", if_none_match=tag)
    assert (again.status, again.body) == (304, b"")
    assert api.get("/v1/profiles/user_id:u1?fields=traits", if_none_match=tag).status == 200
    writer.put(TOPICS.profiles, [person(1, version=2)])
    assert api.get("/v1/profiles/user_id:u1", if_none_match=tag).status == 200


def test_many_at_once_in_the_order_asked_for(api: Api, writer: Writer) -> None:
    writer.people(person(n) for n in range(5))
    keys = ["user_id:u3", "email:u1@x.fr", "user_id:nobody", "phone:12", "user_id:u3"]
    items = api.post("/v1/profiles/batch", {"keys": keys}).json["items"]
    assert [each and each["profile_id"] for each in items] == [
        seed("user_id", "u3"),
        seed("user_id", "u1"),
        None,
        None,
        seed("user_id", "u3"),
    ]
    assert api.post("/v1/profiles/batch", {"keys": []}).json == {"items": []}
    assert api.post("/v1/profiles/batch", {"keys": ["user_id:u"] * 1001}).status == 422
    assert api.post("/v1/profiles/batch", {"keys": ["nope"]}).status == 400


def test_search_finds_by_identifier_trait_and_segment(api: Api, writer: Writer) -> None:
    writer.people(person(n) for n in range(30))

    def found(query: str) -> set[int]:
        return {each["traits"]["age"] for each in api.every(f"/v1/profiles?{query}", 4)}

    everybody = set(range(30))
    assert found("") == everybody
    assert found("identifier=u12") == {12}
    assert found("identifier=u1") == {1, *range(10, 20)}
    assert found("identifier=email:u1@") == {1}
    assert found("identifier=user_id:u1@") == set()
    assert found("trait.country=FR") == {n for n in everybody if n % 2}
    assert found("trait.age=7") == {7}
    assert found("trait.vip=true") == everybody
    assert found("trait.address.city=Lille&trait.country=BE") == {n for n in everybody if n % 2 == 0}
    assert found("segment=vip&trait.country=FR") == {n for n in everybody if n % 3 == 0 and n % 2}
    assert found("segment=none") == set()


def test_a_page_stays_right_while_people_change(api: Api, writer: Writer) -> None:
    writer.people(person(n) for n in range(20))
    page = api.get("/v1/profiles?limit=10").json
    seen = [each["profile_id"] for each in page["items"]]
    # Everybody changes, those of the first page cease.
    writer.put(TOPICS.profiles, [person(n, version=2) for n in range(20)])
    writer.put(TOPICS.profiles, [None] * 10, seen)
    rest = []
    cursor = page["next"]
    while cursor:
        page = api.get(f"/v1/profiles?limit=7&cursor={cursor}").json
        rest += page["items"]
        cursor = page["next"]
    assert {*seen, *(each["profile_id"] for each in rest)} == {person(n)["profile_id"] for n in range(20)}
    assert len(rest) == 10


def test_the_timeline_is_everything_newest_first_byte_for_byte(api: Api, writer: Writer) -> None:
    writer.people([person(1), person(2)])
    mine = [
        event(f"m{n}", seed(*who), occurred_at=f"2026-01-{1 + n // 3:02d}T00:00:00.000Z", properties={"null": None})
        for n, who in enumerate([("user_id", "u1"), ("email", "u1@x.fr"), ("anonymous_id", "a1")] * 7)
    ]
    other = [event(f"o{n}", seed("user_id", "u2")) for n in range(5)]
    writer.put(TOPICS.events["web"], mine + other)
    found = api.every("/v1/profiles/email:u1@x.fr/events", 4)
    assert sorted(dumps(each) for each in found) == sorted(dumps(each) for each in mine)
    times = [each["occurred_at"] for each in found]
    assert times == sorted(times, reverse=True)
    assert api.get("/v1/profiles/user_id:u1/events?cursor=nonsense").json["type"] == "urn:kith:invalid-cursor"
    assert api.get("/v1/profiles/user_id:u1/events?limit=0").status == 422


def test_events_of_a_shared_device_belong_to_whoever_had_it_then(api: Api, writer: Writer) -> None:
    writer.people([person(1), person(2)])
    tablet = seed("anonymous_id", "tablet")
    [one, two] = [{**slices(person(n))[0], "seed": tablet, "type": "anonymous_id", "value": "tablet"} for n in (1, 2)]
    noon = 1767268800000  # 2026-01-01T12:00:00Z
    writer.put(TOPICS.assignments, [{**one, "to": noon}, {**two, "from": noon}])
    times = ["2026-01-01T11:59:59.999Z", "2026-01-01T12:00:00.000Z", "2026-01-01T12:00:00.001Z"]
    writer.put(TOPICS.events["web"], [event(time, tablet, occurred_at=time) for time in times])
    held = {n: [each["message_id"] for each in api.every(f"/v1/profiles/user_id:u{n}/events", 10)] for n in (1, 2)}
    assert held == {1: times[:1], 2: times[:0:-1]}
    # The cut moves, and history moves with it.
    writer.put(TOPICS.assignments, [{**one, "to": noon + 1, "version": 2}, {**two, "from": noon, "profile_id": None}])
    writer.put(TOPICS.assignments, [{**two, "from": noon + 1, "version": 3}])
    assert [each["message_id"] for each in api.every("/v1/profiles/user_id:u2/events", 10)] == times[2:]


def test_orders_come_with_items_and_history_newest_first(api: Api, writer: Writer) -> None:
    writer.people([person(1)])
    orders = []
    for n in range(5):
        order_seed = seed("order:shop-a", str(n))
        orders.append(order(seed=order_seed, order_id=str(n), placed_at=f"2026-01-0{n + 1}T00:00:00.000Z"))
        writer.put(TOPICS.assignments, [{**slices(person(1))[0], "seed": order_seed, "type": "order:shop-a"}])
    writer.put(TOPICS.orders, [{**each, "status": "placed", "version": 1} for each in orders])
    writer.put(TOPICS.orders, orders)
    assert api.every("/v1/profiles/user_id:u1/orders", 2) == orders[::-1]
    raw = api.get("/v1/profiles/user_id:u1/orders?limit=1").body
    assert loads(raw)["items"][0]["items"][0]["product_id"] == "sku-1"


def test_the_identity_of_an_event_id_is_what_the_contract_says(api: Api, writer: Writer) -> None:
    writer.put(TOPICS.events["web"], [event("m1", seed("user_id", "u1"))])
    [found] = api.get("/v1/profiles/user_id:u1/events").json["items"]
    assert found["event_id"] == event_id_of("shop", "m1")


def test_all_identifiers_page_by_page_the_slices_that_the_profile_leaves_out_too(api: Api, writer: Writer) -> None:
    owner = person(1)
    writer.people([owner])
    [tablet] = [each for each in slices(owner) if each["type"] == "anonymous_id"]
    for start in range(0, 250, 2):
        other = person(2)["profile_id"]
        cut = {**tablet, "value": "shared", "seed": seed("anonymous_id", "shared"), "version": start}
        writer.put(TOPICS.assignments, [{**cut, "from": start * 1000, "to": (start + 1) * 1000}])
        writer.put(TOPICS.assignments, [{**cut, "profile_id": other, "from": (start + 1) * 1000, "to": None}])
    first = event(seed=seed("user_id", "u1"), identifiers=owner["identifiers"][:2])
    writer.put(TOPICS.events["web"], [first])
    whole = api.get("/v1/profiles/user_id:u1/identifiers?limit=1000").json["items"]
    assert [each["type"] for each in whole[:3]] == ["user_id", "email", "anonymous_id"]
    assert whole[0]["first_seen"] == whole[0]["last_seen"] == first["occurred_at"]
    assert whole[2]["first_seen"] is None
    assert (whole[4]["from"], whole[4]["to"]) == ("1970-01-01T00:00:02.000Z", "1970-01-01T00:00:03.000Z")
    assert len(whole) == 3 + 125
    assert api.every("/v1/profiles/email:u1@x.fr/identifiers", 7) == whole
    assert api.get("/v1/profiles/user_id:nobody/identifiers").status == 404


def test_each_change_of_consent_names_the_event_that_made_it(api: Api, writer: Writer) -> None:
    owner = person(1)
    writer.people([owner])
    said = [True, True, False, True]
    events = [
        event(
            f"c{number}",
            seed("user_id", "u1"),
            type="identify",
            event=None,
            identifiers=owner["identifiers"][:1],
            occurred_at=f"2026-01-0{number + 1}T00:00:00.000Z",
            traits={"consent": {"email_marketing": granted}},
        )
        for number, granted in enumerate(said)
    ]
    writer.put(TOPICS.events["web"], events)
    found = api.get("/v1/profiles/user_id:u1/consent").json["items"]
    assert [(each["at"][:10], each["granted"]) for each in found] == [
        ("2026-01-04", True),
        ("2026-01-03", False),
        ("2026-01-01", True),
    ]
    assert [each["event_id"] for each in found] == [events[number]["event_id"] for number in (3, 2, 0)]
    assert api.every("/v1/profiles/user_id:u1/consent", 1) == found
