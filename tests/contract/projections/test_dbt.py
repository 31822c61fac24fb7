"""The dbt project of the examples builds on Kith's views as `transformer`: its tests hold, its marts add up."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings
from schemas.times import to_iso, to_millis
from tests.contract.projections.shop import DAY, SEGMENTS, START, Shop, shop
from tests.parts.people import TOPICS, Writer
from tests.unit.projections.records import profile

PROJECT = Path(__file__).parents[3] / "examples" / "dbt"
DBT = Path(sys.prefix) / "dbt" / "bin" / "python"
# Several commands of dbt in one process: that is quicker.
RUN = """
import sys
from dbt.cli.main import dbtRunner
for words in sys.argv[1:]:
    if not dbtRunner().invoke(words.split()).success:
        sys.exit(1)
"""
FIRST = {  # where the n-th person came from, and the channel that this is
    0: ({"source": "Google", "medium": "cpc", "campaign": "spring"}, "paid"),
    1: ({"source": "newsletter", "medium": "email"}, "email"),
    2: ({"source": None, "referrer": "https://blog.example/"}, "referral"),
    3: ({}, "direct"),
}

pytestmark = pytest.mark.skipif(not DBT.exists(), reason="needs dbt: run `make dbt`")


@dataclass
class Marts:
    """Runs dbt, and reads what it made."""

    writer: Writer
    environment: dict[str, str]
    folder: Path

    def dbt(self, *commands: str) -> None:
        """Run these; all must succeed."""
        run = subprocess.run(
            [str(DBT), "-c", RUN, *commands],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]

    def documented(self) -> set[str]:
        """Return the names of the models and sources that `dbt docs` has found in the database."""
        catalog = json.loads((self.folder / "catalog.json").read_text())
        return {each["metadata"]["name"] for each in (catalog["nodes"] | catalog["sources"]).values()}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.writer.client.query(sql).result_rows]


@pytest.fixture
def marts(writer: Writer, shared_settings: Settings, tmp_path: Path) -> Iterator[Marts]:
    environment = {
        **os.environ,
        "KITH_CLICKHOUSE_URL": shared_settings.clickhouse,
        "KITH_CLICKHOUSE_DATABASE": shared_settings.clickhouse_database,
        "KITH_TRANSFORMER_PASSWORD": shared_settings.transformer_password.get_secret_value(),
        "DBT_TARGET_PATH": str(tmp_path),
        "DBT_LOG_PATH": str(tmp_path),
    }
    yield Marts(writer, environment, tmp_path)
    writer.client.command("DROP DATABASE IF EXISTS marts SYNC")


def channels(given: Shop, writer: Writer) -> dict[str, str]:
    """Publish the definitions, and a profile of everybody in the shop; return the channel that brought each first."""
    for segment in SEGMENTS:
        record = {"segment_id": segment, "version": 1, "definition": {}, "updated_at": to_iso(START)}
        writer.put(TOPICS.definitions, [record], [segment])
    people = {given.owner(each["seed"], each["t"]) for each in given.events}
    people |= {given.slices[each["seed"]][0][1] for each in given.orders}
    people |= {each["profile_id"] for each in given.changes}
    found = {}
    for number, who in enumerate(sorted(people)):
        touch, found[who] = FIRST[number % len(FIRST)]
        acquisition = {"first": touch, "last": touch}
        document = profile(profile_id=who, aliases=[], identifiers=[], segments=[], acquisition=acquisition)
        writer.put(TOPICS.profiles, [document], [who])
    return found


def test_the_marts_are_what_the_orders_say(marts: Marts) -> None:
    marts.dbt("run")  # of a shop that has nothing yet
    given = shop(2, orders=60)
    given.write(marts.writer)
    channel_of = channels(given, marts.writer)
    marts.dbt("build --warn-error", "docs generate")
    assert {"customer_value", "weekly_cohort_revenue", "orders_counted", "rfm"} <= marts.documented()

    worth: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    first: dict[tuple[str, str], int] = {}
    baskets: list[set[str]] = []
    counted = [each for each in given.orders if each["status"] != "cancelled"]
    for each in counted:
        key = (given.slices[each["seed"]][0][1], each["currency"])
        worth[key].append(Decimal(each["total"]) - Decimal(each["refunded"]))
        first[key] = min(first.get(key, 1 << 62), to_millis(each["placed_at"]))
        baskets.append({item["product_id"] for item in each["items"]})

    rows = marts.rows("SELECT toString(profile_id), currency, first_channel, orders, net FROM marts.customer_value")
    assert {row[:2]: row[2:] for row in rows} == {
        key: (channel_of[key[0]], len(amounts), sum(amounts)) for key, amounts in worth.items()
    }

    by_channel: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for (who, currency), amounts in worth.items():
        by_channel[channel_of[who], currency].append(sum(amounts, Decimal()))
    people = list(channel_of.values())
    rows = marts.rows("SELECT first_channel, currency, people, customers, net FROM marts.lifetime_value_by_channel")
    assert {row[:2]: row[2:] for row in rows} == {
        key: (people.count(key[0]), len(nets), sum(nets)) for key, nets in by_channel.items()
    }

    weeks: dict[tuple[int, str, int], Decimal] = defaultdict(Decimal)
    for each in counted:
        key = (given.slices[each["seed"]][0][1], each["currency"])
        cohort, week = _week(first[key]), _week(to_millis(each["placed_at"]))
        weeks[cohort, each["currency"], week - cohort] += Decimal(each["total"]) - Decimal(each["refunded"])
    rows = marts.rows(
        "SELECT toUnixTimestamp64Milli(toDateTime64(cohort_week, 3, 'UTC')), currency, week_number, net "
        "FROM marts.weekly_cohort_revenue"
    )
    assert {(_week(row[0]), row[1], row[2]): row[3] for row in rows} == weeks

    pairs: dict[tuple[str, str], int] = defaultdict(int)
    for basket in baskets:
        for pair in combinations(sorted(basket), 2):
            pairs[pair] += 1
    rows = marts.rows("SELECT product_a, product_b, orders, support FROM marts.basket_pairs")
    filled = sum(1 for basket in baskets if basket)
    assert {row[:2]: row[2:] for row in rows} == {
        pair: (count, pytest.approx(count / filled)) for pair, count in pairs.items() if count > 1
    }
    assert len(rows) > 1
    comment = marts.rows("SELECT comment FROM system.columns WHERE database = 'marts' AND name = 'lift'")
    assert comment == [("How many times as often together as if by chance.",)]


def _week(at: int) -> int:
    """Return the number of a week that begins on Monday; 1970-01-05 was one."""
    return (at // DAY - 4) // 7
