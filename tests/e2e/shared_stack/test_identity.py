"""Who is who, through the running system: cases of the design in several orders, operators, explanations."""

import itertools
from typing import Any

import pytest

from tests.e2e.identity_shop import Shop
from tests.e2e.local_stack import LocalStack

pytestmark = pytest.mark.e2e


@pytest.fixture
def shop(stack: LocalStack) -> Shop:
    return Shop(stack)


def test_a_shared_tablet_in_every_order_of_arrival(stack: LocalStack) -> None:
    shops = []
    for order in itertools.islice(itertools.permutations(range(5)), 0, 120, 17):
        shop = Shop(stack)
        steps: list[dict[str, str]] = [
            {"a": "a1"},
            {"u": "u1", "a": "a1"},
            {"a": "a1"},
            {"u": "u2", "a": "a1"},
            {"a": "a1"},
        ]
        for index in order:
            shop.send(shop.event(index + 1, **steps[index]))
        shops.append(shop)
    shops[0].wait()
    for shop in shops:
        assert [shop.profile("user_id", u)["activity"]["events"] for u in ("u1", "u2")] == [3, 2]
        [interval] = [i for i in shop.profile("user_id", "u1")["identifiers"] if i["type"] == "anonymous_id"]
        assert (interval["from"], interval["to"]) == (None, "2026-01-01T10:00:04.000Z")
        timeline = shop.get(f"/v1/profiles/user_id:{shop.own('u2')}/events").json()["items"]
        assert [event["occurred_at"][17:19] for event in timeline] == ["05", "04"]


def test_a_late_event_undoes_a_merge_and_the_orders_follow(shop: Shop) -> None:
    shop.send(shop.event(20, u="u2", a="a1", e="s@x.fr"))
    order = shop.event(21, e="s@x.fr") | {"event": "Order Completed"}
    order["properties"] = {"order_id": shop.own("o1"), "total": "30.50", "currency": "EUR"}
    shop.send(order)
    shop.wait()
    assert shop.profile("email", "s@x.fr")["orders"]["revenue"] == {"EUR": "30.50"}
    assert shop.profile("email", "s@x.fr")["profile_id"] == shop.profile("user_id", "u2")["profile_id"]
    shop.send(shop.event(5, u="u1", e="s@x.fr"))
    shop.wait()
    assert shop.profile("email", "s@x.fr")["profile_id"] == shop.profile("user_id", "u1")["profile_id"]
    assert shop.profile("user_id", "u1")["orders"]["revenue"] == {"EUR": "30.50"}
    assert shop.profile("user_id", "u2")["orders"]["count"] == 0
    refusals = shop.get(f"/v1/profiles/user_id:{shop.own('u2')}/explain").json()["refusals"]
    [refusal] = refusals
    assert refusal["rule"] == "limit:user_id"
    assert len(refusal["event_ids"]) == 1


def test_operators_link_split_and_release(shop: Shop) -> None:
    shop.send(shop.event(1, u="u1", e="j@x.fr"), shop.event(2, u="u2"), shop.event(3, e="k@x.fr"))
    shop.wait()
    one, other = shop.profile("user_id", "u1")["profile_id"], shop.profile("user_id", "u2")["profile_id"]
    assert one != other
    link = {"a": shop.named("user_id", "u1"), "b": shop.named("user_id", "u2"), "reason": "the same person, by phone"}
    answer = shop.post("/v1/identity/link", link)
    assert answer.status_code == 202
    shop.wait()
    assert shop.profile("user_id", "u2")["profile_id"] == shop.profile("user_id", "u1")["profile_id"]
    path = shop.get(
        f"/v1/profiles/user_id:{shop.own('u1')}/explain",
        a=f"email:{shop.own('j@x.fr')}",
        b=f"user_id:{shop.own('u2')}",
    ).json()["path"]
    assert [step["rule"] for step in path] == ["pair", "operator"]
    assert path[1]["decision_id"] == answer.json()["decision_id"]

    split = {"identifiers": [shop.named("user_id", "u2")], "from": shop.named("user_id", "u1"), "reason": "no, her son"}
    assert shop.post("/v1/identity/split", split).status_code == 202
    shop.wait()
    assert shop.profile("user_id", "u2")["activity"]["events"] == 1
    assert shop.profile("user_id", "u1")["activity"]["events"] == 1

    release = {"identifier": shop.named("email", "j@x.fr"), "reason": "sold the address"}
    assert shop.post("/v1/identity/release", release).status_code == 202
    shop.wait()
    listed = [i["type"] for i in shop.profile("user_id", "u1")["identifiers"]]
    assert listed == ["user_id"]


DEVICE = {"type": "device_id", "value": "d"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("link", {"a": {"type": "user_id", "value": "u"}, "b": {"type": "anonymous_id", "value": "a"}, "reason": "r"}),
        ("link", {"a": {"type": "user_id", "value": "u"}, "b": {"type": "user_id", "value": " u "}, "reason": "r"}),
        ("link", {"a": {"type": "user_id", "value": "null"}, "b": {"type": "email", "value": "a@x.fr"}, "reason": "r"}),
        ("link", {"a": {"type": "shoe", "value": "u"}, "b": {"type": "email", "value": "a@x.fr"}, "reason": "r"}),
        ("split", {"identifiers": [], "from": {"type": "user_id", "value": "u"}, "reason": "r"}),
        (
            "split",
            {
                "identifiers": [{"type": "device_id", "value": "d"}],
                "from": {"type": "user_id", "value": "u"},
                "reason": "r",
            },
        ),
        ("release", {"identifier": {"type": "phone", "value": "12"}, "reason": "r"}),
        ("release", {"identifier": {"type": "email", "value": "a@x.fr"}}),
    ],
)
def test_what_an_operator_cannot_mean_is_refused_with_what_would_be_right(
    shop: Shop, path: str, body: dict[str, Any]
) -> None:
    answer = shop.post(f"/v1/identity/{path}", body)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 20
