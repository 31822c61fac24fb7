"""The demo as a person runs it: twice in one folder, against an account of the clickstream that is made here.

Its topics hold what their schemas say.
"""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import TypeAdapter

from deploy.local.demo_findings import FUNNEL
from deploy.local.demo_segments import SEGMENTS
from deploy.local.documents.json_schemas import VALUES
from deploy.local.importing import SHIPPED
from deploy.local.runtime import is_running
from tests.e2e.local_stack import LocalStack
from tests.parts.kafka import kept

pytestmark = pytest.mark.e2e

STEPS = ("product_view", "add_to_cart", "shipping_details", "payment_details", "purchase")
WINDOW = timedelta(days=7)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalStack]:
    own = LocalStack(tmp_path / "demo")
    yield own
    own.kith("down", check=False)


def query(stack: LocalStack, sql: str, **parameters: Any) -> list[list[Any]]:
    answer = httpx2.post(
        f"{stack.api}/v1/query",
        json={"sql": sql, "parameters": parameters},
        headers={"Authorization": f"Bearer {stack.credentials.api_token}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    rows: list[list[Any]] = answer.json()["rows"]
    return rows


def longest_chain(events: list[tuple[datetime, str]]) -> int:
    """Return how many steps of the funnel follow each other within its window, tried from every first step."""
    best = 0
    for start, name in events:
        if name != STEPS[0]:
            continue
        level, at = 1, start
        while level < len(STEPS):
            later = [t for t, n in events if n == STEPS[level] and at <= t <= start + WINDOW]
            if not later:
                break
            level, at = level + 1, min(later)
        best = max(best, level)
    return best


def counted_by_hand() -> list[int]:
    people: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    with gzip.open(SHIPPED / "ecom.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            people[row["user_id"]].append((datetime.fromisoformat(row["timestamp"]), row["event"]))
    levels = [longest_chain(sorted(events)) for events in people.values()]
    return [sum(level > step for level in levels) for step in range(len(STEPS))]


def test_demo_shows_what_came_of_real_input_and_counts_it_once(own: LocalStack) -> None:
    first = own.kith("demo", timeout_s=600).stdout
    assert not is_running(own.folder)
    assert "A refused merge" in first
    assert "no_usable_identifier" in first

    again = own.kith("demo", "--keep", timeout_s=600).stdout
    assert is_running(own.folder)
    for segment in SEGMENTS:
        assert segment["id"] in again

    clicks = "SELECT count(), uniqExact(profile_id) FROM events_by_profile WHERE source = 'demo-clickstream'"
    assert query(own, clicks) == [[31106, 600]]
    assert query(own, "SELECT count() FROM orders WHERE store = 'demo-clickstream'") == [[470]]
    # Two people of one shared tablet, and two accounts of one e-mail address, are four.
    owners = "SELECT uniqExact(profile_id) FROM identity WHERE value IN {values:Array(String)}"
    for email, user in (("paul.morel", "u-paul"), ("ines.morel", "u-ines"), ("sofia.rossi", "u-sofia-2019")):
        assert query(own, owners, values=[f"{email}@shop.example", user]) == [[1]]
    assert query(own, owners, values=["u-paul", "u-ines", "u-sofia-2019", "u-sofia-2026"]) == [[4]]
    # The same messages a second time: not one event, order or merge more.
    found = [run.partition("Look further")[0].splitlines() for run in (first, again)]
    lines = [[line for line in run if line.startswith("demo-") or " people" in line] for run in found]
    assert len(lines[0]) > 10
    assert lines[0] == lines[1]
    for event, people in zip(FUNNEL, counted_by_hand(), strict=True):
        assert any(line.split()[:-2] == [*event.split(), f"{people:,}"] for line in again.splitlines()), (event, people)
    assert json.loads((own.folder.root / "demo.json").read_text())["base"] > 0

    for name, value in VALUES.items():
        shape = TypeAdapter(value.type)
        records = kept(own.settings.bootstrap, own.settings.topic_prefix + name)
        assert records or name == "segments.progress", name
        for record in records:
            if record.value is not None:
                shape.validate_python(record.value)
