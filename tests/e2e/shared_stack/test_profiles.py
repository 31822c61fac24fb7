"""Profiles over HTTP through the running system: what was just written is in the answer when it is asked for."""

import uuid
from typing import Any

import httpx2
import pytest

from schemas.identifier import event_id_of
from tests.e2e.local_stack import LocalStack

pytestmark = pytest.mark.e2e


def test_what_was_written_is_in_the_answer_that_names_it(stack: LocalStack) -> None:
    name = uuid.uuid4().hex[:8]
    headers = {"Authorization": f"Bearer {stack.credentials.api_token}"}

    def send(number: int, **message: Any) -> str:
        message_id = f"{name}-{number}"
        body = {"batch": [{"messageId": message_id, **message}]}
        auth = (stack.credentials.write_key, "")
        assert httpx2.post(f"{stack.collector}/v1/batch", json=body, auth=auth, timeout=20).status_code == 200
        return message_id

    def get(path: str, after: str) -> httpx2.Response:
        return httpx2.get(f"{stack.api}{path}", params={"after": after}, headers=headers, timeout=20)

    send(1, type="page", anonymousId=f"a-{name}")
    login = send(2, type="identify", userId=f"u-{name}", anonymousId=f"a-{name}", traits={"email": f"{name}@x.fr"})
    profile = get(f"/v1/profiles/email:{name}@x.fr", login).json()
    assert {each["type"] for each in profile["identifiers"]} == {"user_id", "email", "anonymous_id"}
    assert profile["activity"]["page_views"] == 1, "the visit before the login is the person's"
    order = {"order_id": name, "total": "12.34", "currency": "EUR"}
    bought = send(3, type="track", event="Order Completed", userId=f"u-{name}", properties=order)
    event_id = event_id_of("default", bought)
    assert [each["total"] for each in get(f"/v1/profiles/user_id:u-{name}/orders", event_id).json()["items"]] == [
        "12.34"
    ]
    timeline = get(f"/v1/profiles/anonymous_id:a-{name}/events", bought).json()["items"]
    assert [each["message_id"] for each in timeline] == [f"{name}-{number}" for number in (3, 2, 1)]
    late = get(f"/v1/profiles/user_id:u-{name}", f"{name}-never")
    assert (late.status_code, late.json()["type"]) == (504, "urn:kith:not-yet")
    assert late.headers["retry-after"]


def test_one_message_id_with_two_people_counts_once_and_is_reported(stack: LocalStack) -> None:
    name = uuid.uuid4().hex[:8]
    headers = {"Authorization": f"Bearer {stack.credentials.api_token}"}
    people = [f"{name}-{number}" for number in range(6)]
    for person in people:
        body = {"batch": [{"type": "page", "userId": person, "messageId": name}]}
        auth = (stack.credentials.write_key, "")
        assert httpx2.post(f"{stack.collector}/v1/batch", json=body, auth=auth, timeout=20).status_code == 200
    stack.kith("wait", "--timeout", "60")
    found = [httpx2.get(f"{stack.api}/v1/profiles/user_id:{person}", headers=headers, timeout=20) for person in people]
    events = [answer.json()["activity"]["events"] for answer in found if answer.status_code == 200]
    assert events == [1], "the sum over profiles is the log's"
    query = {"reason": "conflicting_duplicate", "limit": "1000"}
    letters = httpx2.get(f"{stack.api}/v1/dead-letters", params=query, headers=headers, timeout=20).json()["items"]
    assert len([letter for letter in letters if name in letter["payload"]]) == len(people) - 1
