"""Segments from outside: history, windows, webhooks and the change stream, while worker and api are killed with -9."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.local_stack import LocalStack, eventually
from tests.parts.kafka import kept
from tests.parts.webhooks import Receiver, receiver

pytestmark = pytest.mark.e2e

PEOPLE = 4_500
VIEWS = 3

DEFINITIONS: list[dict[str, Any]] = [
    {"id": "viewers", "where": {"event": "Product Viewed", "count": {"op": "gte", "value": 3}}},
    {"id": "spent", "where": {"event": "Product Viewed", "sum": {"property": "price", "op": "eq", "value": 3}}},
    {"id": "lately", "where": {"event": "Cart Viewed", "within": "10s"}},
    {"id": "mailable", "where": {"consent": "email_marketing", "op": "granted"}},
    {"id": "both", "where": {"all": [{"segment": "spent"}, {"segment": "lately"}]}},
]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack that the test may break, and that may send webhooks to this machine."""
    own = LocalStack(tmp_path / "own", KITH_WEBHOOK_ALLOW_PRIVATE="true", KITH_SEGMENT_CHECK_S="2")
    own.kith("up", "--detach")
    yield own
    own.kith("down", check=False)


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


class Shop:
    """What a shop and its marketing tool ask of a stack."""

    def __init__(self, stack: LocalStack, client: httpx2.Client) -> None:
        self.stack = stack
        self.client = client
        self.headers = {"Authorization": f"Bearer {stack.credentials.api_token}"}

    def send(self, messages: list[dict[str, Any]]) -> None:
        for first in range(0, len(messages), 200):
            batch = {"batch": messages[first : first + 200]}
            answer = self.client.post(
                f"{self.stack.collector}/v1/batch", json=batch, auth=(self.stack.credentials.write_key, "")
            )
            assert answer.status_code == 200, answer.text

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        answer = self.client.request(method, f"{self.stack.api}{path}", json=document, headers=self.headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


def view(person: int, number: int, name: str = "Product Viewed") -> dict[str, Any]:
    return {
        "type": "track",
        "messageId": f"{name}-{person}-{number}",
        "userId": f"u{person}",
        "event": name,
        "properties": {"price": 1},
    }


def agree(person: int, number: int, granted: bool) -> dict[str, Any]:
    traits = {"consent": {"email_marketing": granted}}
    return {"type": "identify", "messageId": f"agree-{person}-{number}", "userId": f"u{person}", "traits": traits}


def folded(changes: list[dict[str, Any]]) -> dict[tuple[str, str], bool]:
    """Return who is in what, of changes without repeats; they alternate without a gap."""
    sequences: dict[tuple[str, str], int] = {}
    for change in sorted({each["change_id"]: each for each in changes}.values(), key=lambda each: each["sequence"]):
        pair = (change["segment_id"], change["profile_id"])
        assert change["sequence"] == sequences.get(pair, 0) + 1
        assert (change["change"] == "entered") is (change["sequence"] % 2 == 1)
        sequences[pair] = change["sequence"]
    return {pair: sequence % 2 == 1 for pair, sequence in sequences.items()}


def test_history_windows_and_webhooks_while_everything_is_killed(
    own: LocalStack, hooks: Receiver, tmp_path: Path
) -> None:
    with httpx2.Client(timeout=30) as client:
        live_through_it(Shop(own, client), hooks, tmp_path)


def live_through_it(shop: Shop, hooks: Receiver, tmp_path: Path) -> None:
    own = shop.stack
    # More than the archive answers at once, before anything is defined.
    shop.send([view(person, number) for person in range(PEOPLE) for number in range(VIEWS)])
    own.kith("wait")
    subscription = shop.ask("POST", "/v1/subscriptions", {"url": f"{hooks.url}/all"})
    shop.ask("POST", "/v1/subscriptions", {"url": f"{hooks.url}/mail", "consent": "email_marketing"})
    file = tmp_path / "segments.json"
    file.write_text(json.dumps(DEFINITIONS))
    assert own.kith("segment", "apply", "--dry-run", str(file)).stdout.count("+ ") == len(DEFINITIONS)
    own.kith("segment", "apply", str(file))
    own.kill("worker-1")
    shop.send([view(person, VIEWS) for person in range(10)])
    eventually(lambda: all(each["state"] == "live" for each in shop.ask("GET", "/v1/segments")["items"]))
    own.kith("wait")
    assert shop.ask("GET", "/v1/segments/viewers")["members"] == PEOPLE
    assert shop.ask("GET", "/v1/segments/spent")["members"] == PEOPLE - 10

    # A clause that goes and comes back counts nothing twice.
    own.kith("segment", "delete", "both", "spent")
    shop.send([view(person, VIEWS + 1) for person in range(10, 20)])
    own.kith("segment", "apply", "--wait", str(file))
    own.kith("wait")
    assert shop.ask("GET", "/v1/segments/spent")["members"] == PEOPLE - 20

    # Windows end on time, also while api and worker are away for a moment.
    shop.send([agree(1, 1, True), agree(2, 1, True), agree(2, 2, False)])
    shop.send([view(person, 1, "Cart Viewed") for person in range(50)])
    sent = time.monotonic()
    eventually(lambda: shop.ask("GET", "/v1/segments/lately")["members"] == 50)
    own.kill("worker-1")
    own.kill("api")
    time.sleep(max(0.0, sent + 11 - time.monotonic()))
    eventually(own.is_ready)
    own.kith("wait")
    eventually(lambda: shop.ask("GET", "/v1/segments/lately")["members"] == 0)

    changes = [record.value for record in kept(own.settings.bootstrap, own.settings.topics.changes)]
    state = folded(changes)
    for id_ in ("viewers", "spent", "lately", "mailable", "both"):
        expected = {profile_id for (segment, profile_id), member in state.items() if segment == id_ and member}
        assert len(expected) == shop.ask("GET", f"/v1/segments/{id_}")["members"]
    ended = [each for each in changes if each["segment_id"] == "lately" and each["change"] == "exited"]
    assert {each["because"]["kind"] for each in ended} == {"time"}
    # What was delivered, without repeats, is the stream.
    ids = {each["change_id"] for each in changes}
    eventually(lambda: {hook.data["change_id"] for hook in hooks.at("/all")} == ids)
    for hook in hooks.at("/all")[-20:]:
        hook.verified(subscription["secret"])
    consenting = {each["profile_id"] for each in changes if each["segment_id"] == "mailable" and each["sequence"] == 1}
    told = {hook.data["profile_id"] for hook in hooks.wait("/mail", 1)}
    assert told <= consenting

    assert own.kith("segment", "verify").stdout.splitlines()[-1].startswith("5 of 5 segments are the same")
    explained = shop.ask("GET", "/v1/profiles/user_id:u1/segments/both/explain")
    assert explained["member"] is False
    assert explained["published"]["member"] is False
    assert [part["true"] for part in explained["where"]["all"]] == [False, False]
    metrics = shop.client.get(f"{own.api}/metrics").text
    assert "kith_api_segment_differences 0.0" in metrics
    refused_politely(shop)


def refused_politely(shop: Shop) -> None:
    """Definitions beyond every limit are refused with what would be right."""
    leaf: dict[str, Any] = {"trait": "x", "op": "exists"}
    deep = '{"not":' * 1_000 + '{"trait":"x","op":"exists"}' + "}" * 1_000
    bad: list[tuple[Any, str]] = [
        ({"all": [leaf] * 10_000}, "more than 1000 clauses"),
        (deep, "nests deeper"),
        (
            {"not": {"not": json.loads(deep[: 7 * 60] + '{"trait":"x","op":"exists"}' + "}" * 60)}},
            "nested more than 50 deep",
        ),
        ({"event": "A", "within": "0d"}, "0d is no possible window"),
        ({"event": "A", "within": "36500d"}, "at most 3650d"),
        ({"trait": "x", "op": "contains", "value": ""}, "contains"),
    ]
    for where, message in bad:
        text = f'{{"id": "x", "where": {where if isinstance(where, str) else json.dumps(where)}}}'
        headers = {**shop.headers, "Content-Type": "application/json"}
        answer = shop.client.post(f"{shop.stack.api}/v1/segments", content=text, headers=headers)
        assert answer.status_code == 422, answer.text
        assert message in answer.text, answer.text
    # Text that looks like a pattern is text.
    where = {"trait": "country", "op": "contains", "value": ".*%_\\[("}
    assert shop.ask("POST", "/v1/segments/preview", {"where": where}) == {"count": 0, "sample": []}
    for number in range(20):
        shop.ask("PUT", "/v1/segments/busy", {"where": {"event": "Product Viewed", "within": f"{number + 1}d"}})
    eventually(lambda: shop.ask("GET", "/v1/segments/busy")["state"] == "live")
    assert shop.ask("GET", "/v1/segments/busy")["version"] == 20
