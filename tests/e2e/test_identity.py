"""Who is who, through the running system: cases of the design in several orders, operators, explanations."""

import itertools
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.local_stack import LocalStack, eventually

pytestmark = pytest.mark.e2e


class Shop:
    """One test's people: every id gets a suffix of its own, so that tests share a stack and no customers."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.suffix = uuid.uuid4().hex[:8]
        self.key = stack.credentials.write_key
        self.headers = {"Authorization": f"Bearer {stack.credentials.api_token}"}

    def own(self, value: str) -> str:
        name, at, domain = value.partition("@")
        return f"{name}-{self.suffix}{at}{domain}"

    def event(self, t: int, **who: str) -> dict[str, Any]:
        """Return a message of second `t`: `u`, `a` and `e` are user id, anonymous id and e-mail."""
        message: dict[str, Any] = {
            "type": "track",
            "event": "Product Viewed",
            "messageId": f"{self.suffix}-{t}-{'-'.join(sorted(who))}",
            "timestamp": f"2026-01-01T10:00:{t:02d}.000Z",
        }
        if "u" in who:
            message["userId"] = self.own(who["u"])
        if "a" in who:
            message["anonymousId"] = self.own(who["a"])
        if "e" in who:
            message["context"] = {"traits": {"email": self.own(who["e"])}}
        return message

    def send(self, *messages: dict[str, Any]) -> None:
        url = f"{self.stack.collector}/v1/import"
        answer = httpx2.post(url, json={"batch": list(messages)}, auth=(self.key, ""), timeout=20)
        assert answer.status_code == 200, answer.text

    def get(self, path: str, **parameters: str) -> httpx2.Response:
        return httpx2.get(f"{self.stack.api}{path}", params=parameters, headers=self.headers, timeout=20)

    def post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        return httpx2.post(f"{self.stack.api}{path}", json=body, headers=self.headers, timeout=20)

    def wait(self) -> None:
        self.stack.kith("wait", "--timeout", "60")

    def profile(self, type_: str, value: str) -> dict[str, Any]:
        answer = self.get(f"/v1/profiles/{type_}:{self.own(value)}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def named(self, type_: str, value: str) -> dict[str, str]:
        return {"type": type_, "value": self.own(value)}


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


def test_the_identity_writer_dies_and_another_worker_takes_over(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = LocalStack(tmp_path_factory.mktemp("writers"))
    own.kith("up", "--detach", "--workers", "2")
    try:
        shop = Shop(own)
        for second in range(1, 40):
            shop.send(shop.event(second, u=f"u{second % 7}", a=f"a{second % 7}"))
            if second in (10, 25):
                own.kill(f"worker-{1 if second == 10 else 2}")
        eventually(own.is_ready)
        shop.wait()
        events = [shop.profile("user_id", f"u{n}")["activity"]["events"] for n in range(7)]
        assert sum(events) == 39
        assert all(len(shop.profile("user_id", f"u{n}")["identifiers"]) == 2 for n in range(7))
        _another_policy_through_kills(own, shop, tmp_path_factory.mktemp("policy") / "one-address.yaml")
    finally:
        own.kith("down", check=False)


def _another_policy_through_kills(own: LocalStack, shop: Shop, file: Path) -> None:
    """Planned, applied while both workers are killed and more evidence comes, it ends as if it had always been so."""
    shop.send(*(shop.event(40 + n, u="u1", e=f"e{n}@x.fr") for n in range(3)))
    shop.send(*(shop.event(43 + n, e=f"e{n}@x.fr") for n in range(3)), shop.event(46, e="f1@x.fr"))
    shop.wait()
    assert len(shop.profile("user_id", "u1")["identifiers"]) == 5
    file.write_text("limits: {email: 1}\n")
    plan = json.loads(own.kith("identity", "plan", "--policy", str(file), "--json").stdout)
    assert (plan["split"], plan["identifiers"]) == ({"people": 1, "into": 3}, 2)
    assert "more than one person may have of: e-mail" in plan["examples"]["split"][0]["reasons"][0]
    assert len(shop.profile("user_id", "u1")["identifiers"]) == 5, "a plan changes nothing"
    arguments = ("identity", "apply", "--policy", str(file), "--reason", "one address each")
    command = (sys.executable, "-m", "deploy.local.cli", *arguments)
    with subprocess.Popen(
        command, env=own.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as applying:
        for number in (1, 2):
            time.sleep(0.4)
            own.kill(f"worker-{number}")
            shop.send(shop.event(49 + number, u="u2", e=f"f{number - 1}@x.fr"))
        assert applying.wait(120) == 0
    shop.wait()
    for person, kept, lost in (("u1", "e0@x.fr", ("e1@x.fr", "e2@x.fr")), ("u2", "f0@x.fr", ("f1@x.fr",))):
        assert shop.profile("email", kept)["profile_id"] == shop.profile("user_id", person)["profile_id"]
        for address in lost:
            assert [each["value"] for each in shop.profile("email", address)["identifiers"]] == [shop.own(address)]
    assert shop.profile("user_id", "u1")["activity"]["events"] == 10
    assert "one address each" in own.kith("identity", "policy", "show").stdout
