"""A stack that is rebuilt while it runs, kept in a file, and brought back elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_stack import LocalStack

pytestmark = pytest.mark.e2e

ANSWERS = (
    "SELECT groupArray((message_id, profile_id, raw)) FROM (SELECT * FROM events_by_profile ORDER BY event_id)",
    "SELECT groupArray((toString(profile_id), raw)) FROM (SELECT * FROM profiles ORDER BY profile_id)",
    "SELECT groupArray((seed, profile_id, version)) FROM (SELECT * FROM identity ORDER BY seed)",
    "SELECT groupArray((order_id, total, status)) FROM (SELECT * FROM orders ORDER BY order_id)",
)


def messages(name: str, count: int) -> str:
    lines: list[dict[str, Any]] = []
    for number in range(count):
        user = f"u{number % 7}"
        who = {"anonymousId": f"a{number % 7}", **({"userId": user} if number % 3 else {})}
        lines.append({"type": "track", "event": "Product Viewed", "messageId": f"{name}-{number}", **who})
    order = {"order_id": name, "total": "12.50", "currency": "EUR"}
    lines.append(
        {"type": "track", "event": "Order Completed", "messageId": f"{name}-o", "userId": "u1", "properties": order}
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


def answers(stack: LocalStack) -> list[str]:
    from projections.clickhouse import open_database

    client = open_database(stack.settings)
    try:
        return [str(client.query(sql).result_rows) for sql in ANSWERS]
    finally:
        client.close()


def test_rebuilt_kept_and_brought_back_a_stack_answers_the_same(tmp_path: Path) -> None:
    first, second = LocalStack(tmp_path / "first", KITH_WRITE_KEYS="wk"), LocalStack(tmp_path / "second")
    file, old, new = tmp_path / "shop.kith", tmp_path / "old.ndjson", tmp_path / "new.ndjson"
    old.write_text(messages("old", 60))
    new.write_text(messages("new", 20))
    try:
        first.kith("up", "--detach")
        first.kith("send", str(old))
        first.kith("wait", "--timeout", "60")
        before = answers(first)
        said = first.kith("rebuild").stdout
        assert "events: rebuilt from 61 records" in said
        assert answers(first) == before
        ports = {process["name"]: process["port"] for process in first.status()["processes"]}
        first.kith("snapshot", str(file))
        again = {process["name"]: process["port"] for process in first.status()["processes"]}
        assert [again[name] for name in ("api", "collector")] == [ports[name] for name in ("api", "collector")]
        assert answers(first) == before
        first.kith("down")
        second.kith("restore", str(file))
        second.kith("up", "--detach")
        assert answers(second) == before
        # What it had counted it does not count again.
        second.kith("send", str(old), str(new))
        second.kith("wait", "--timeout", "60")
        refused = second.kith("rebuild", "--only", "evnts", check=False)
        assert (refused.returncode, "choose among" in refused.stderr) == (1, True)
        second.kith("rebuild", "--only", "events", "--only", "orders")
        assert answers(second)[0].count("'new-") == 21
        assert answers(second)[0].count("'old-") == 61
    finally:
        first.kith("down", check=False)
        second.kith("down", check=False)
