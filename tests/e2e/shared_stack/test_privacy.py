"""Erasure, suppression and export through the running system: what is gone, where, and what may come back."""

import json
import uuid
from typing import Any

import httpx2
import pytest

from projections.clickhouse import open_database
from tests.e2e.local_stack import LocalStack, eventually

pytestmark = pytest.mark.e2e


class Person:
    """Somebody whose every identifier has one text in it, by which whatever names them is found."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.name = f"jane{uuid.uuid4().hex[:10]}"
        self.email = f"{self.name}@erased.example"
        self.headers = {"Authorization": f"Bearer {stack.credentials.api_token}"}
        self._count = 0

    def send(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self._count += 1
            message.setdefault("messageId", f"{self.name[4:]}-{self._count}")
        url, auth = f"{self.stack.collector}/v1/batch", (self.stack.credentials.write_key, "")
        answer = httpx2.post(url, json={"batch": list(messages)}, auth=auth, timeout=20)
        assert answer.status_code == 200, answer.text

    def live(self) -> None:
        """Visit, log in, order, chat; somebody else uses the same address; something is rejected."""
        traits = {"email": self.email, "name": self.name, "consent": {"email_marketing": True}}
        order = {"order_id": f"o-{self.name}", "total": "30.50", "currency": "EUR"}
        chat = {"text": f"I am {self.email}", "email": self.email}
        self.send(
            {"type": "page", "anonymousId": f"a-{self.name}"},
            {"type": "identify", "userId": f"u-{self.name}", "anonymousId": f"a-{self.name}", "traits": traits},
            {"type": "track", "event": "Order Completed", "userId": f"u-{self.name}", "properties": order},
            {"type": "track", "event": "Live Chat Message Sent", "properties": chat},
            {"type": "identify", "userId": f"other-{self.name[4:]}", "traits": {"email": self.email, "plan": "gold"}},
            {"type": "fax", "userId": f"u-{self.name}"},
        )

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.stack.api}{path}", headers=self.headers, timeout=20)

    def keys(self) -> list[str]:
        return [f"email:{self.email}", f"user_id:u-{self.name}", f"anonymous_id:a-{self.name}"]

    def statuses(self) -> list[int]:
        return [self.get(f"/v1/profiles/{key}").status_code for key in self.keys()]

    def erase(self, mode: str = "erase", identifier: dict[str, str] | None = None) -> str:
        body = {"identifier": identifier or {"type": "email", "value": f" {self.email.upper()}"}, "mode": mode}
        answer = httpx2.post(f"{self.stack.api}/v1/privacy/erase", json=body, headers=self.headers, timeout=20)
        assert answer.status_code == 202, answer.text
        request_id: str = answer.json()["request_id"]
        return request_id

    def report(self, request_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/privacy/requests/{request_id}").json()
        return found

    def tables(self) -> dict[str, int]:
        """Return how many rows of each table name the person, in any column."""
        client = open_database(self.stack.settings)
        try:
            tables = client.query(
                "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
            ).result_rows
            found = {}
            for (table,) in tables:
                sql = f"SELECT * FROM {table} FORMAT JSONEachRow"  # noqa: S608 - a table's name from ClickHouse
                text = client.raw_query(sql).decode().lower()
                if self.name in text:
                    found[table] = text.count(self.name)
            return found
        finally:
            client.close()


def test_an_erased_person_is_in_no_answer_and_no_table_and_may_come_back_empty(stack: LocalStack) -> None:
    person = Person(stack)
    person.live()
    stack.kith("wait", "--timeout", "60")
    assert person.statuses() == [200, 200, 200]
    assert {"events", "profile_states", "order_states", "decisions", "dead_letters"} <= person.tables().keys()
    exported = person.get(f"/v1/privacy/export/{person.keys()[0]}").json()
    assert len(exported["events"]) == 4
    assert {each["log"]["topic"].rpartition(".")[2] for each in exported["events"]} == {"web", "order", "chat"}
    assert [order["total"] for order in exported["orders"]] == ["30.50"]
    assert [each["purpose"] for each in exported["consent_history"]] == ["email_marketing"]
    assert len(exported["dead_letters"]) == 1

    request_id = person.erase()
    assert person.statuses() == [404, 404, 404], "gone at once"
    assert person.get(f"/v1/profiles/{person.keys()[1]}/events").json()["items"] == []
    stack.kith("wait", "--timeout", "60")
    report = person.report(request_id)
    assert report["state"] == "finished"
    gone = {store["store"]: store["removed"] for store in report["report"] if store["state"] == "gone"}
    assert gone["clickhouse.events"] >= 4
    assert any(store["state"] == "masked" for store in report["report"])
    assert person.statuses() == [404, 404, 404]
    assert person.tables() == {}
    assert person.name not in json.dumps(report)
    other = person.get(f"/v1/profiles/user_id:other-{person.name[4:]}").json()
    assert other["traits"] == {"plan": "gold"}

    person.send({"type": "track", "event": "Seen", "userId": f"u-{person.name}", "anonymousId": f"a-{person.name}"})
    stack.kith("wait", "--timeout", "60")
    assert person.statuses() == [404, 200, 200]
    again = person.get(f"/v1/profiles/{person.keys()[1]}").json()
    assert (again["activity"]["events"], again["traits"], again["orders"]["count"]) == (1, {}, 0)


def test_a_suppressed_person_stays_out_by_any_identifier(stack: LocalStack) -> None:
    person = Person(stack)
    person.live()
    printed = stack.kith("privacy", "erase", f"user_id:u-{person.name}", "--mode", "suppress").stdout
    assert "Finished at" in printed
    assert person.tables() == {}
    for who in ({"userId": f"u-{person.name}"}, {"anonymousId": f"a-{person.name}"}):
        person.send({"type": "track", "event": "Seen", **who})
    person.send({"type": "identify", "userId": f"new-{person.name[4:]}", "traits": {"email": person.email}})
    stack.kith("wait", "--timeout", "60")
    assert person.statuses() == [404, 404, 404]
    assert person.tables() == {}


def test_erasing_somebody_unknown_twice_and_while_events_stream_in(stack: LocalStack) -> None:
    person = Person(stack)
    requests = [person.erase(), person.erase("erase", {"type": "user_id", "value": f"u-{person.name}"})]
    person.live()
    requests.append(person.erase())
    for _ in range(20):
        person.send({"type": "track", "event": "Seen", "userId": f"u-{person.name}"})
    requests.append(person.erase("erase", {"type": "user_id", "value": f"u-{person.name}"}))
    stack.kith("wait", "--timeout", "90")
    eventually(lambda: all(person.report(each)["state"] == "finished" for each in requests))
    assert person.statuses() == [404, 404, 404]
    assert person.tables() == {}


def test_what_cannot_be_erased_is_refused_with_what_would_be_right(stack: LocalStack) -> None:
    person = Person(stack)
    for identifier in ({"type": "shoe", "value": "42"}, {"type": "user_id", "value": "null"}, {"type": "phone"}):
        body = {"identifier": identifier}
        answer = httpx2.post(f"{stack.api}/v1/privacy/erase", json=body, headers=person.headers, timeout=20)
        assert answer.status_code == 422, answer.text
        assert len(answer.json()["detail"]) > 20
    assert person.get(f"/v1/privacy/requests/{uuid.uuid4()}").status_code == 404
    assert person.get("/v1/privacy/export/user_id:nobody-at-all").status_code == 404
