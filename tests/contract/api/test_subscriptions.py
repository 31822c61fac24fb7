"""Webhooks over a real Kafka: signed, in order per profile, tried again, listed as dead; nobody waits for anybody."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from projections.clickhouse import open_database
from schemas.settings import Settings
from tests.parts.api import Api, running_api
from tests.parts.people import seed
from tests.parts.projecting import projecting, send
from tests.parts.webhooks import Receiver, receiver, status
from tests.unit.projections.records import change


@pytest.fixture
def settings(stack_settings: Settings) -> Settings:
    open_database(stack_settings).close()
    return stack_settings.model_copy(
        update={"webhook_allow_private": True, "webhook_retries": "1s,1s", "webhook_timeout_s": 1.0}
    )


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def told(person: int, sequence: int = 1, segment: str = "vip", **changes: Any) -> dict[str, Any]:
    who = seed("user_id", f"u{person}")
    return change(sequence, change_id=f"{person}/{segment}/{sequence}", segment_id=segment, profile_id=who, **changes)


def publish(settings: Settings, *many: dict[str, Any]) -> None:
    send(settings, [(settings.topics.changes, each["profile_id"], each) for each in many], transaction=True)


def subscribe(api: Api, url: str, **wanted: Any) -> dict[str, Any]:
    answer = api.post("/v1/subscriptions", {"url": url, **wanted})
    assert answer.status == 201, answer.body
    created: dict[str, Any] = answer.json
    return created


def test_changes_come_signed_and_in_order_and_only_those_wanted(
    settings: Settings, hooks: Receiver, tmp_path: Path
) -> None:
    publish(settings, told(0))
    with running_api(settings, tmp_path) as api:
        everything = subscribe(api, f"{hooks.url}/all")
        assert everything["secret"].startswith("whsec_")
        assert (everything["segments"], everything["include_moves"], everything["consent"]) == (None, False, None)
        subscribe(api, f"{hooks.url}/french", segments=["french"])
        subscribe(api, f"{hooks.url}/moves", include_moves=True)
        subscribe(api, f"{hooks.url}/past", after="beginning")
        moved = told(1, 2, because={"kind": "identity", "moved_to": "x"})
        many = [told(n % 7, 1 + n // 7, "french" if n % 2 else "vip") for n in range(7, 70)]
        publish(settings, moved, *many)

        found = hooks.wait("/all", 63)
        assert sorted(hook.data["change_id"] for hook in found) == sorted(each["change_id"] for each in many)
        for hook in found:
            message = hook.verified(everything["secret"])
            assert message["type"] == f"segment.{message['data']['change']}"
            assert message["timestamp"] == message["data"]["at"]
            assert message["data"] in many
        for n in range(7):
            mine = [hook.data["sequence"] for hook in found if hook.data["profile_id"] == seed("user_id", f"u{n}")]
            assert mine == sorted(mine)
        assert {hook.data["segment_id"] for hook in hooks.wait("/french", 31)} == {"french"}
        assert len(hooks.wait("/moves", 64)) == 64
        assert len(hooks.wait("/past", 64)) == 64
        # Nobody else's secret does, and the same change has another id at another receiver.
        assert {hook.id for hook in found}.isdisjoint({hook.id for hook in hooks.at("/past")})

        shown = api.get("/v1/subscriptions").json["items"]
        assert len(shown) == 4
        assert all("secret" not in each for each in shown)
        assert api.ask("DELETE", f"/v1/subscriptions/{everything['id']}").status == 204
        assert api.get(f"/v1/subscriptions/{everything['id']}").status == 404
        publish(settings, told(50))
        hooks.wait("/past", 65)
        time.sleep(0.5)
        assert len(hooks.at("/all")) == 63


def test_a_restart_repeats_nothing_that_was_written_down_and_loses_nothing(
    settings: Settings, hooks: Receiver, tmp_path: Path
) -> None:
    with running_api(settings, tmp_path) as api:
        subscribe(api, f"{hooks.url}/all")
        publish(settings, *(told(n) for n in range(50)))
        hooks.wait("/all", 50)
    publish(settings, *(told(n, 2) for n in range(50)))
    with running_api(settings, tmp_path / "again"):
        found = hooks.wait("/all", 100)
        time.sleep(1)
        assert len({hook.id for hook in found}) == 100
        assert len(hooks.at("/all")) == 100


def test_two_processes_share_the_work_and_either_goes_on_alone(
    settings: Settings, hooks: Receiver, tmp_path: Path
) -> None:
    with running_api(settings, tmp_path / "one") as one:
        with running_api(settings, tmp_path / "two") as two:
            paths = [f"/r{n}" for n in range(8)]
            for number, path in enumerate(paths):
                subscribe((one, two)[number % 2], f"{hooks.url}{path}")
            publish(settings, *(told(n) for n in range(30)))
            for path in paths:
                assert len({hook.id for hook in hooks.wait(path, 30)}) == 30
            # Each is delivered by one of them: nothing comes twice.
            time.sleep(1)
            assert [len(hooks.at(path)) for path in paths] == [30] * 8
        publish(settings, *(told(n, 2) for n in range(30)))
        for path in paths:
            assert len({hook.id for hook in hooks.wait(path, 60)}) == 60


def test_what_fails_is_tried_again_in_order_then_dead_then_replayed(
    settings: Settings, hooks: Receiver, tmp_path: Path
) -> None:
    hooks.answers["/bad"] = lambda handler, hook: status(500 if hook.data["profile_id"] == bad else 200)(handler, hook)
    bad = seed("user_id", "u1")
    with projecting(settings, tmp_path), running_api(settings, tmp_path) as api:
        created = subscribe(api, f"{hooks.url}/bad")
        publish(settings, told(1), told(1, 2), told(2), told(2, 2))
        found = hooks.wait("/bad", 8)
        failing = [hook for hook in found if hook.data["profile_id"] == bad]
        # Whose delivery fails holds up their own changes and nobody else's.
        assert [hook.data["sequence"] for hook in failing] == [1, 1, 1, 2, 2, 2]
        assert {hook.data["profile_id"] for hook in found[3:]} == {bad}
        for three in (failing[:3], failing[3:]):
            assert all(0.85 < after.at - before.at < 2.5 for before, after in pairwise(three))
            assert len({hook.id for hook in three}) == 1
        eventually(lambda: dead_of(api, created) == 2)
        page = api.get(f"/v1/subscriptions/{created['id']}/dead").json
        assert [each["change"] for each in page["items"]] == [told(1), told(1, 2)]
        assert [(each["attempts"], each["error"]) for each in page["items"]] == [(3, "answered 500")] * 2
        assert [each["id"] for each in page["items"]] == [failing[0].id, failing[3].id]

        hooks.answers.clear()
        first = page["items"][0]["id"]
        assert api.post(f"/v1/subscriptions/{created['id']}/dead/{first}/replay", None).status == 202
        assert hooks.wait("/bad", 9)[-1].id == first
        eventually(lambda: dead_of(api, created) == 1)
        assert api.post(f"/v1/subscriptions/{created['id']}/dead/replay", None).json == {"replayed": 1}
        assert hooks.wait("/bad", 10)[-1].id == page["items"][1]["id"]
        eventually(lambda: dead_of(api, created) == 0)
        assert api.post(f"/v1/subscriptions/{created['id']}/dead/nothing/replay", None).status == 404


def eventually(condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def dead_of(api: Api, created: dict[str, Any]) -> int:
    found: int = api.get(f"/v1/subscriptions/{created['id']}").json["dead"]
    return found


REFUSED = [
    ("ftp://shop.example/x", "absolute URL"),
    ("/hooks", "absolute URL"),
    ("https://user:word@shop.example/", "user or a password"),
    ("http://127.0.0.1/", "private address"),
    ("http://localhost:1/", "private address"),
    ("http://[::1]/", "private address"),
    ("http://[::ffff:10.0.0.1]/", "private address"),
    ("http://169.254.169.254/latest", "private address"),
    ("http://shop.example/a b", "spaces"),
    ("http://shop.example:99999/", "URL"),
    ("", "absolute URL"),
]


def test_bad_subscriptions_and_private_receivers_are_refused(settings: Settings, tmp_path: Path) -> None:
    strict = settings.model_copy(update={"webhook_allow_private": False})
    with running_api(strict, tmp_path) as api:
        for url, message in REFUSED:
            answer = api.post("/v1/subscriptions", {"url": url})
            assert (answer.status, answer.json["type"]) == (422, "urn:kith:invalid"), url
            assert message in answer.json["detail"], answer.json["detail"]
        bad: list[Any] = [
            {},
            {"url": 1},
            {"url": "https://a.b/", "segments": []},
            {"url": "https://a.b/", "segments": ["UP"]},
            {"url": "https://a.b/", "x": 1},
            [],
        ]
        for document in bad:
            assert api.post("/v1/subscriptions", document).status == 422
        assert api.post("/v1/subscriptions", {"url": "https://a.b/", "after": "x"}).status == 400
        assert api.get("/v1/subscriptions/none").status == 404
        assert api.ask("DELETE", "/v1/subscriptions/none").status == 404
