"""Every process is killed with -9 in turn while a writer retries as an SDK does: nothing acknowledged is lost or
doubled.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx2
import pytest

from tests.e2e.local_stack import LocalStack

pytestmark = pytest.mark.e2e

PEOPLE = 40
PAUSE_S = 0.05
VICTIMS = ("worker-1", "projector", "clickhouse", "collector", "worker-2", "kafka", "worker-1")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack with two workers that the test may break."""
    own = LocalStack(tmp_path / "own")
    own.kith("up", "--detach", "--workers", "2")
    yield own
    own.kith("down", check=False)


class Shop(threading.Thread):
    """Sends visits, logins and orders in batches until told to stop; repeats a batch until it is acknowledged."""

    def __init__(self, stack: LocalStack) -> None:
        super().__init__(daemon=True)
        self.stack = stack
        self.stopping = threading.Event()
        self.acknowledged: list[dict[str, Any]] = []
        self.retries = 0

    def run(self) -> None:
        with httpx2.Client(auth=(self.stack.credentials.write_key, ""), timeout=20) as client:
            number = 0
            while not self.stopping.is_set():
                batch = [message for n in range(number, number + 10) for message in messages(n)]
                number += 10
                while not self._send(client, batch):
                    self.retries += 1
                    time.sleep(0.1)
                self.acknowledged += batch
                # Some hundreds of messages a second: always something on its way, and time left for everybody else.
                time.sleep(PAUSE_S)

    def _send(self, client: httpx2.Client, batch: list[dict[str, Any]]) -> bool:
        try:
            answer = client.post(f"{self.stack.collector}/v1/batch", json={"batch": batch})
        except httpx2.HTTPError:
            return False
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200


def messages(n: int) -> list[dict[str, Any]]:
    """Return what happens at step `n`: a visit, sometimes a login that connects it, sometimes an order or a refund."""
    person = n % PEOPLE
    found: list[dict[str, Any]] = [
        {"type": "page", "name": "Home", "anonymousId": f"a{person}", "messageId": f"visit-{n}"},
        {"type": "track", "event": "Product Viewed", "userId": f"u{person}", "messageId": f"view-{n}"},
    ]
    if n % 3 == 0:
        traits = {"email": f"p{person}@shop.example"}
        login = {"type": "identify", "userId": f"u{person}", "anonymousId": f"a{person}", "traits": traits}
        found.append({**login, "messageId": f"login-{n}"})
    if n % 4 == 0:
        order = {"order_id": f"o{n}", "total": f"{n % 90 + 10}.25", "currency": "EUR"}
        # Half of the orders name only the e-mail address: another seed, perhaps another partition.
        who = {"userId": f"u{person}"} if n % 8 else {"context": {"traits": {"email": f"p{person}@shop.example"}}}
        event = {"type": "track", "event": "Order Completed", "properties": order}
        found.append({**event, **who, "messageId": f"order-{n}"})
    return found


def test_nothing_is_lost_or_doubled_whoever_dies(own: LocalStack) -> None:
    shop = Shop(own)
    shop.start()
    for victim in VICTIMS:
        time.sleep(1.5)
        own.kill_and_await(victim)
    time.sleep(1)
    shop.stopping.set()
    shop.join(60)
    assert not shop.is_alive()
    assert shop.retries > 0, "the kills were noticed"
    own.kith("wait", "--timeout", "120")
    check(own, shop.acknowledged)


def check(stack: LocalStack, acknowledged: list[dict[str, Any]]) -> None:
    """Hold ClickHouse and the profiles against what was acknowledged, counted independently."""
    settings = stack.settings
    client = clickhouse_connect.get_client(
        dsn=f"{settings.clickhouse}/{settings.clickhouse_database}",
        username=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
    )
    archived = Counter(row[0] for row in client.query("SELECT message_id FROM events").result_rows)
    assert archived == Counter(message["messageId"] for message in acknowledged)

    expected = Counter(
        int(message["messageId"].partition("-")[2]) % PEOPLE
        for message in acknowledged
        if message["type"] != "identify"
    )
    revenue: dict[int, Decimal] = {}
    for message in acknowledged:
        if message.get("event") == "Order Completed":
            person = int(message["messageId"].partition("-")[2]) % PEOPLE
            revenue[person] = revenue.get(person, Decimal(0)) + Decimal(message["properties"]["total"])
    with httpx2.Client(headers={"Authorization": f"Bearer {stack.credentials.api_token}"}) as api:
        for person in range(PEOPLE):
            profile = api.get(f"{stack.api}/v1/profiles/user_id:u{person}").json()
            assert profile["activity"]["events"] == expected[person], person
            assert Decimal(profile["orders"]["revenue"].get("EUR", "0")) == revenue.get(person, Decimal(0)), person
    attributed = client.query("SELECT count(), uniqExact(profile_id) FROM events_by_profile").result_rows
    assert attributed == [(len(acknowledged), PEOPLE)]
    total = client.query("SELECT sum(total) FROM orders_by_profile").result_rows[0][0]
    assert Decimal(total) == sum(revenue.values())
