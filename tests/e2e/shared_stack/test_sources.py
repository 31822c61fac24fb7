"""Sources, plans, dead letters, files and polling through the running system, by command and over HTTP."""

import json
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pyarrow
import pytest
from pyarrow import parquet

from tests.e2e.local_stack import LocalStack, eventually
from tests.parts.shops import shop

pytestmark = pytest.mark.e2e


def name_of(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def added(stack: LocalStack, name: str, *options: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(stack.kith("source", "add", name, "--json", *options).stdout)
    return document


def sent(stack: LocalStack, key: str, message: dict[str, Any]) -> int:
    answer = httpx2.post(f"{stack.collector}/v1/batch", json={"batch": [message]}, auth=(key, ""), timeout=20)
    return answer.status_code


def ask(stack: LocalStack, method: str, path: str, document: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {stack.credentials.api_token}"}
    answer = httpx2.request(method, f"{stack.api}{path}", json=document, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def count(stack: LocalStack, source: str) -> tuple[int, int]:
    """How many events of a source the archive has, and how many different ones."""
    sql = "SELECT count(), uniqExact(event_id) FROM events WHERE source = {source:String}"
    (row,) = ask(stack, "POST", "/v1/query", {"sql": sql, "parameters": {"source": source}})["rows"]
    return int(row[0]), int(row[1])


def test_a_source_from_its_first_key_to_its_last(stack: LocalStack) -> None:
    name = name_of("web")
    first = added(stack, name, "--origin", "https://a.example")["write_keys"]
    page = {"type": "page", "userId": f"u-{name}"}
    eventually(lambda: sent(stack, first, page) == 200)
    second = json.loads(stack.kith("source", "rotate", name, "--json").stdout)["write_keys"]
    eventually(lambda: sent(stack, second, page) == 200)
    assert sent(stack, first, page) == 200, "the one before is valid too"
    stack.kith("source", "rotate", name, "--finish")
    eventually(lambda: sent(stack, first, page) == 401)
    stack.kith("source", "disable", name)
    eventually(lambda: sent(stack, second, page) == 404)
    stack.kith("source", "enable", name)
    eventually(lambda: sent(stack, second, page) == 200)
    assert first not in stack.kith("source", "list").stdout
    stack.kith("wait")
    shown = ask(stack, "GET", f"/v1/sources/{name}")
    assert (shown["kind"], shown["configured"], shown["keys"]) == ("tracking", True, 1)
    assert shown["origins"] == ["https://a.example"]
    assert shown["events"] == shown["channels"]["web"] == count(stack, name)[0] > 0
    assert shown["last_event_at"]


def test_a_plan_rejects_and_a_corrected_replay_is_an_event_once(stack: LocalStack) -> None:
    name = name_of("planned")
    key = added(stack, name, "--plan", "reject")["write_keys"]
    plan = stack.folder.plans / f"{name}.yaml"
    plan.parent.mkdir(exist_ok=True)
    plan.write_text("version: 4\nevents: {Seen: {properties: {required: [sku]}}}\n")
    page = {"type": "page", "userId": f"u-{name}"}
    eventually(lambda: sent(stack, key, page) == 200)
    bad = {"type": "track", "event": "Seen", "userId": f"u-{name}", "messageId": f"m-{name}"}

    def letters() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(stack, "GET", f"/v1/dead-letters?source={name}")["items"]
        return found

    def is_held() -> bool:
        assert sent(stack, key, bad | {"messageId": uuid.uuid4().hex}) == 200
        stack.kith("wait")
        return bool(letters())

    eventually(is_held)
    for _ in range(3):
        assert sent(stack, key, bad) == 200
    stack.kith("wait")
    mine = [letter for letter in letters() if f"m-{name}" in letter["payload"]]
    assert len(mine) == 1, "the same rejected bytes are one letter"
    assert mine[0]["reason"] == "plan_violation"
    assert "version 4" in mine[0]["message"]
    assert "/properties/sku" in mine[0]["message"]
    path = f"/v1/dead-letters/{mine[0]['id']}/replay"
    assert ask(stack, "POST", path)["outcome"] == "rejected"
    for _ in range(2):
        corrected = ask(stack, "POST", path, {"payload": {**bad, "properties": {"sku": "s1"}}})
        assert corrected["outcome"] == "accepted"
    plan.unlink()
    eventually(
        lambda: ask(stack, "POST", "/v1/dead-letters/replay", {"source": name, "limit": 100})["rejected"] == 0, 10
    )
    stack.kith("wait")
    assert ask(stack, "GET", f"/v1/dead-letters?source={name}&state=open")["items"] == []
    events = ask(stack, "GET", f"/v1/profiles/user_id:u-{name}/events?limit=1000")["items"]
    once = [event for event in events if event["message_id"] == f"m-{name}"]
    assert [event["properties"] for event in once] == [{"sku": "s1"}]
    assert [event["event_id"] for event in once] == corrected["event_ids"]


def test_an_import_that_is_killed_has_every_row_once(stack: LocalStack, tmp_path: Path) -> None:
    name = name_of("file")
    key = added(stack, name)["write_keys"]
    eventually(lambda: sent(stack, key, {"type": "fax"}) == 200)
    rows = 30_000
    path = tmp_path / f"{name}.csv"
    lines = (f"2026-01-{1 + number % 28:02d},u{number % 50}-{name},Seen,{number}\n" for number in range(rows))
    path.write_text("timestamp,user_id,event,n\n" + "".join(lines))
    command = (sys.executable, "-m", "deploy.local.cli", "import", str(path), "--source", name)
    killed = 0
    for _ in range(3):
        with subprocess.Popen(
            command, env=stack.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            time.sleep(random.uniform(0.8, 1.6))
            killed += run.poll() is None
            run.send_signal(signal.SIGKILL)
    assert killed, "at least one was interrupted"
    assert "events sent" in stack.kith("import", str(path), "--source", name).stdout
    table = pyarrow.Table.from_pylist([{"timestamp": "2026-02-01", "user_id": f"p-{name}", "event": "Seen", "n": 1}])
    parquet.write_table(table, tmp_path / "one.parquet")
    url = f"{stack.collector}/v1/import"
    for _ in range(2):
        with path.open("rb") as file:
            answer = httpx2.post(url, files={"file": (path.name, file)}, auth=(key, ""), timeout=120)
        assert answer.json()["accepted"] == rows, answer.text
        content = (tmp_path / "one.parquet").read_bytes()
        one = httpx2.post(f"{url}?format=parquet", content=content, auth=(key, ""), timeout=60)
        assert (one.json()["accepted"], one.json()["rejected"]) == (1, 0)
    stack.kith("wait", "--timeout", "240")
    assert count(stack, name) == (rows + 1, rows + 1)


def test_a_shop_is_pulled(stack: LocalStack) -> None:
    name = name_of("woo")
    with shop() as woo:
        times = {"date_created_gmt": "2026-01-02T10:00:00", "date_modified_gmt": "2026-01-03T10:00:00"}
        billing = {"email": f"{name}@x.fr", "country": "FR"}
        order = {"id": 7, "status": "processing", "total": "30.50", "currency": "EUR", "billing": billing, **times}
        woo.orders = [order]
        pull = ("--pull-url", woo.url, "--pull-key", "ck_1", "--pull-secret", "cs_1")
        added(stack, name, "--kind", "woocommerce", *pull)
        eventually(lambda: stack.kith("source", "pull", name, check=False).returncode == 0)
        woo.orders = [order | {"status": "completed", "date_modified_gmt": "2026-01-04T10:00:00"}]
        assert "1 orders" in stack.kith("source", "pull", name).stdout
        assert "nothing new" in stack.kith("source", "pull", name).stdout
    stack.kith("wait")
    (found,) = ask(stack, "GET", f"/v1/profiles/email:{name}%40x.fr/orders")["items"]
    assert (found["order_id"], found["store"], found["status"], found["total"]) == ("7", name, "fulfilled", "30.50")
