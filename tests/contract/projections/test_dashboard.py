"""The Grafana dashboard: every panel's query is answered, and the figures are those of a shop that Python adds up."""

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import clickhouse_connect
import pytest
import yaml
from clickhouse_connect.driver.query import QueryResult

from tests.contract.projections.shop import shop
from tests.parts.people import TOPICS, Writer
from tests.unit.projections.records import AT

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana"
DASHBOARD = json.loads((FOLDER / "shop.json").read_text())
FROM, TO = 1767225600000, 1772323200000  # 2026-01-01 to 2026-03-01, in milliseconds
# What Grafana and its plugin write in place of macros and variables.
MACROS = {
    r"\$__timeFilter\((\w+)\)": rf"\1 >= toDateTime({FROM // 1000}) AND \1 <= toDateTime({TO // 1000})",
    r"\$__fromTime": f"toDateTime({FROM // 1000})",
    r"\$__toTime": f"toDateTime({TO // 1000})",
    r"\$__interval_s": "86400",
    r"\$\{__from\}": str(FROM),
    r"\$\{__to\}": str(TO),
}


def filled(sql: str, currencies: str = "'EUR', 'USD'", channel: str = "all", segment: str = "'everybody'") -> str:
    """Return a query of the dashboard as it reaches ClickHouse."""
    chosen = {
        r"\$\{currency:sqlstring\}": currencies,
        r"\$\{channel\}": channel,
        r"\$\{segment:sqlstring\}": segment,
    }
    for macro, text in (MACROS | chosen).items():
        sql = re.sub(macro, text, sql)
    assert "$" not in sql
    return sql


PANELS = {panel["title"]: panel["targets"][0]["rawSql"] for panel in DASHBOARD["panels"]}


@pytest.fixture
def ask(writer: Writer, analyst: dict[str, str]) -> Iterator[Callable[..., QueryResult]]:
    """Ask the query of a panel as the analyst does."""
    shop(2).write(writer)
    with clickhouse_connect.get_client(
        dsn=analyst["KITH_CLICKHOUSE_URL"],
        username="analyst",
        password=analyst["KITH_ANALYST_PASSWORD"],
        database=analyst["KITH_CLICKHOUSE_DATABASE"],
    ) as client:
        yield lambda title, **chosen: client.query(filled(PANELS[title], **chosen))


def test_every_panel_of_the_dashboard_has_an_answer(ask: Callable[..., QueryResult]) -> None:
    assert len(PANELS) == len(DASHBOARD["panels"]) > 15
    for panel in DASHBOARD["panels"]:
        title = panel["title"]
        assert panel["description"], title
        answer = ask(title)
        if title not in ("Rejected", "Merges and refusals"):
            assert answer.result_rows, title
        if panel["type"] == "timeseries":
            assert answer.column_names[:1] == ("time",), title
            times = [row[0] for row in answer.result_rows]
            assert times == sorted(times), title
        if wanted := panel.get("options", {}).get("reduceOptions", {}).get("fields"):
            assert wanted.strip("/^$") in answer.column_names, title
        for override in panel["fieldConfig"]["overrides"]:
            assert override["matcher"]["options"] in answer.column_names, title
        ask(title, channel="web", segment="'vip'", currencies="''")


def test_the_dashboard_s_lists_to_choose_from(writer: Writer) -> None:
    shop(2).write(writer)
    writer.put(TOPICS.definitions, [{"segment_id": "vip", "version": 1, "definition": {}, "updated_at": AT}], ["vip"])
    lists = {each["name"]: each["query"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query"}
    found = {name: [row[0] for row in writer.client.query(sql).result_rows] for name, sql in lists.items()}
    assert found == {"currency": ["EUR", "USD"], "segment": ["everybody", "vip"]}


def test_the_dashboard_s_figures_are_the_shop_s(ask: Callable[..., QueryResult]) -> None:
    given = shop(2)
    first: dict[str, tuple[str, str]] = {}
    for each in sorted(given.orders, key=lambda each: (each["placed_at"], each["seed"])):
        if each["status"] != "cancelled":
            first.setdefault(given.slices[each["seed"]][0][1], (each["placed_at"], each["seed"]))
    counted = [each for each in given.orders if each["status"] != "cancelled" and each["currency"] == "EUR"]
    net = sum(Decimal(each["total"]) - Decimal(each["refunded"]) for each in counted)
    euro = {"currencies": "'EUR'"}
    assert ask("Orders", **euro).result_rows == [(len(counted),)]
    assert ask("Net revenue", **euro).result_rows == [("EUR", pytest.approx(float(net)))]
    assert ask("Average order", **euro).result_rows == [("EUR", pytest.approx(float(net) / len(counted), abs=1e-4))]
    customers = {given.slices[each["seed"]][0][1] for each in counted}
    new = {given.slices[each["seed"]][0][1] for each in counted if (each["placed_at"], each["seed"]) in first.values()}
    assert ask("Customers", **euro).result_rows == [(len(new), len(customers - new))]
    by_day = ask("Orders of new and of returning customers", **euro).result_rows
    assert (sum(row[1] for row in by_day), sum(row[1] + row[2] for row in by_day)) == (len(new), len(counted))
    assert sum(row[2] for row in ask("Net revenue by day", **euro).result_rows) == pytest.approx(float(net))


def test_the_data_source_is_the_one_that_the_dashboard_asks_for() -> None:
    (source,) = yaml.safe_load((FOLDER / "datasource.yaml").read_text())["datasources"]
    (variable,) = (each for each in DASHBOARD["templating"]["list"] if each["type"] == "datasource")
    assert source["type"] == variable["query"]
    assert source["jsonData"]["username"] == "analyst"
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {f"${{{variable['name']}}}"}
