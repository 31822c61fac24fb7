"""One test's people, whom no other test of the same stack knows: sends what they do, asks who they are."""

import uuid
from typing import Any

import httpx2

from tests.e2e.local_stack import LocalStack


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
