"""Each view against a plain computation over the same random shop."""

import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from projections.dictionary import relations
from schemas.times import to_millis
from tests.contract.projections.plain import chains, median, rfm_name
from tests.contract.projections.shop import DAY, NAMES, START, Shop, shop
from tests.parts.people import TOPICS, Writer, seed
from tests.unit.projections.records import assignment, change, event

GAP = 30 * 60 * 1000
SHOPS = range(6)
SQL_PAGE = Path(__file__).parents[3] / "docs" / "sql.md"


@pytest.fixture(params=SHOPS)
def world(request: pytest.FixtureRequest, writer: Writer) -> tuple[Shop, Writer]:
    made = shop(request.param)
    made.write(writer)
    return made, writer


def rows(writer: Writer, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in writer.client.query(sql, parameters=parameters).result_rows]


def test_every_event_belongs_to_exactly_one_person(world: tuple[Shop, Writer]) -> None:
    made, writer = world
    found = rows(writer, "SELECT toString(profile_id), message_id FROM events_by_profile")
    assert len(found) == len(made.events)
    assert {name: who for who, name in found} == {
        each["message_id"]: made.owner(each["seed"], each["t"]) for each in made.events
    }


def test_one_persons_events_are_those_of_the_view(world: tuple[Shop, Writer]) -> None:
    made, writer = world
    people = {*made.timelines(), seed("user_id", "nobody"), *(each["seed"] for each in made.events)}
    for who in people:
        sql = "SELECT message_id FROM events_of(profile_id = {who:UUID})"
        found = sorted(name for (name,) in rows(writer, sql, who=who))
        assert found == sorted(each["message_id"] for _, each in made.timelines().get(who, []))


def test_orders_belong_to_people_and_items_to_orders(world: tuple[Shop, Writer]) -> None:
    made, writer = world
    found = rows(writer, "SELECT order_id, toString(profile_id) FROM orders_by_profile")
    assert sorted(found) == sorted((each["order_id"], made.owner(each["seed"], 0)) for each in made.orders)
    for who in {owner for _, owner in found}:
        mine = rows(writer, "SELECT order_id FROM orders_of(profile_id = {who:UUID})", who=who)
        assert sorted(mine) == sorted((number,) for number, owner in found if owner == who)
    lines = rows(writer, "SELECT order_id, product_id, toFloat64(quantity) FROM order_items")
    wanted = [
        (each["order_id"], item["product_id"], item["quantity"]) for each in made.orders for item in each["items"]
    ]
    assert sorted(lines) == sorted(wanted)


def test_sessions_end_after_half_an_hour_without_activity(world: tuple[Shop, Writer]) -> None:
    made, writer = world
    wanted = []
    for who, timeline in made.timelines().items():
        visits: list[list[tuple[int, dict[str, Any]]]] = []
        for t, each in timeline:
            if each["type"] == "identify":
                continue
            if not visits or t - visits[-1][-1][0] >= GAP:
                visits.append([])
            visits[-1].append((t, each))
        for visit in visits:
            pages = sum(each["type"] == "page" for _, each in visit)
            wanted.append((who, visit[0][0], visit[-1][0], len(visit), pages, len(visit) == 1 and pages == 1))
    sql = (
        "SELECT toString(profile_id), toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(ended_at), events, "
        "page_views, bounce FROM sessions"
    )
    assert sorted(rows(writer, sql)) == sorted(wanted)


def test_revenue_is_booked_on_the_day_the_order_was_placed(world: tuple[Shop, Writer]) -> None:
    made, writer = world
    wanted: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    for each in made.orders:
        if each["status"] != "cancelled":
            booked = wanted[each["placed_at"][:10], each["currency"]]
            booked[0] += 1
            booked[1] += Decimal(each["total"])
            booked[2] += Decimal(each["refunded"])
    found = rows(writer, "SELECT toString(day), currency, orders, gross, refunded, net FROM daily_revenue")
    assert sorted(found) == sorted((*key, *booked, booked[1] - booked[2]) for key, booked in wanted.items())


def test_products_are_counted_by_what_they_are_known_by(world: tuple[Shop, Writer]) -> None:
    made, writer = world
    wanted: dict[str, list[Any]] = defaultdict(lambda: [0, 0, set(), Decimal(0), Decimal(0)])
    for each in made.events:
        properties = each["properties"]
        product = properties.get("product_id") or properties.get("sku") or properties.get("name")
        if product and each["event"] in NAMES[:2]:
            wanted[str(product)][NAMES.index(each["event"])] += 1
    for each in made.orders:
        for item in each["items"]:
            if each["status"] != "cancelled":
                bought = wanted[item["product_id"]]
                bought[2].add(each["order_id"])
                bought[3] += Decimal(str(item["quantity"]))
                bought[4] += Decimal(str(item["quantity"])) * Decimal(item["price"] or 0)
    found = rows(writer, "SELECT product_id, views, adds, orders, quantity, revenue FROM product_popularity")
    assert sorted(found) == sorted((name, v, a, len(o), q, r) for name, (v, a, o, q, r) in wanted.items())


def test_rfm_scores_say_what_share_is_strictly_worse(world: tuple[Shop, Writer]) -> None:
    made, writer = world
    people: dict[str, list[Any]] = defaultdict(lambda: [0, 0, Decimal(0)])
    for each in made.orders:
        if each["status"] != "cancelled":
            who = people[made.owner(each["seed"], 0)]
            who[0] = max(who[0], to_millis(each["placed_at"]))
            who[1] += 1
            who[2] += Decimal(each["total"]) - Decimal(each["refunded"])

    def score(value: Any, column: int) -> int:
        worse = [other for other in people.values() if other[column] < value]
        return 1 + 5 * len(worse) // len(people)

    wanted = {who: (known[1], known[2], *(score(known[n], n) for n in range(3))) for who, known in people.items()}
    found = rows(writer, "SELECT toString(profile_id), orders, revenue, recency, frequency, monetary, segment FROM rfm")
    assert {row[0]: row[1:6] for row in found} == wanted
    for *_, recency, frequency, monetary, name in found:
        assert name == rfm_name(recency, frequency + monetary)


FUNNELS = [NAMES, NAMES[:1], ("Home", "Home", "Product Viewed"), ("Nothing", "Home"), (*NAMES, *NAMES)]


@pytest.mark.parametrize("within", [600_000, DAY, 20 * DAY])
def test_a_funnel_is_the_longest_chain_within_its_time(world: tuple[Shop, Writer], within: int) -> None:
    made, writer = world
    for steps in FUNNELS:
        reached = chains(made.timelines(), steps, within)
        found = rows(
            writer, "SELECT * FROM funnel(steps = {s:Array(String)}, within = {w:Int64})", s=list(steps), w=within
        )
        assert [(row[0], row[1], row[2]) for row in found] == [
            (n + 1, name, len(reached[n])) for n, name in enumerate(steps)
        ]
        assert [row[4] for row in found] == [pytest.approx(median(each)) if each else None for each in reached]
        assert [row[3] for row in found] == [pytest.approx(len(each) / max(1, len(reached[0]))) for each in reached]


def test_a_funnel_counts_what_windowfunnel_counts(world: tuple[Shop, Writer]) -> None:
    _, writer = world
    conditions = ", ".join(f"event = '{name}'" for name in NAMES)
    sql = f"""SELECT level FROM (
        SELECT windowFunnel({DAY})(toUInt64(toUnixTimestamp64Milli(occurred_at)), {conditions}) AS level
        FROM events_by_profile GROUP BY profile_id)"""  # noqa: S608 - names of this test
    levels = [level for (level,) in rows(writer, sql)]
    found = rows(
        writer, "SELECT people FROM funnel(steps = {s:Array(String)}, within = {w:Int64})", s=list(NAMES), w=DAY
    )
    assert [people for (people,) in found] == [sum(level >= n for level in levels) for n in range(1, 5)]


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_retention_counts_from_the_first_time(world: tuple[Shop, Writer], period: str) -> None:
    made, writer = world

    def number(t: int) -> int:
        days = (t - START) // DAY
        # 2026-01-01 is a Thursday; the shop's first month ends with the test's events.
        return {"day": days, "week": (days + 3) // 7, "month": days // 31}[period]

    wanted: dict[tuple[int, int], int] = defaultdict(int)
    for timeline in made.timelines().values():
        first = [number(t) for t, each in timeline if each["event"] == "Home"]
        back = {number(t) for t, each in timeline if each["event"] == "Product Viewed"}
        if first:
            cohort = min(first)
            wanted[cohort, 0] += 1
            for later in back:
                if later > cohort:
                    wanted[cohort, later - cohort] += 1
    sql = (
        "SELECT toInt64(toDate32(cohort)) AS day, number, people FROM retention("
        "start_event = 'Home', return_event = 'Product Viewed', period = {period:String})"
    )
    found = {
        (number(day * DAY) if day * DAY >= START else 0, n): people
        for day, n, people in rows(writer, sql, period=period)
    }
    assert found == wanted


def test_a_merge_moves_all_history_at_once(writer: Writer) -> None:
    cookie, user = seed("anonymous_id", "a"), seed("user_id", "u")
    writer.put(TOPICS.events["web"], [event(f"m{n}", cookie) for n in range(3)] + [event("m9", user)])
    count = "SELECT count() FROM events_by_profile WHERE profile_id = {who:UUID}"
    assert rows(writer, count, who=user) == [(1,)]
    held = assignment(seed=cookie, type="anonymous_id", value="a", profile_id=user, version=1)
    writer.put(TOPICS.assignments, [held])
    assert rows(writer, count, who=user) == [(4,)]
    assert rows(writer, count, who=cookie) == [(0,)]
    # And a split moves it back, whatever the engine has merged until then.
    writer.put(TOPICS.assignments, [{**held, "profile_id": None, "version": 2}])
    assert rows(writer, count, who=user) == [(1,)]
    writer.client.command("OPTIMIZE TABLE identity_slices FINAL")
    assert rows(writer, count, who=cookie) == [(3,)]
    assert rows(writer, "SELECT count() FROM events_of(profile_id = {who:UUID})", who=cookie) == [(3,)]


def test_members_are_the_fold_of_the_changes(writer: Writer) -> None:
    people = [seed("user_id", f"u{n}") for n in range(6)]
    for sequence in (1, 2, 3):
        writer.put(TOPICS.changes, [change(sequence, profile_id=who) for who in people[: 8 - 2 * sequence]])
    found = {str(who) for (who,) in rows(writer, "SELECT profile_id FROM segment_membership WHERE segment_id = 'vip'")}
    # Entered: all six; exited: the first four; entered again: the first two.
    assert found == {*people[:2], *people[4:]}


def test_the_engine_says_what_the_migrations_say(writer: Writer) -> None:
    sql = "SELECT table, name, comment FROM system.columns WHERE database = currentDatabase() AND table != 'migrations'"
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, comment in rows(writer, sql):
        # The engine shows a nested column as its members.
        found[table].setdefault(column.partition(".")[0], comment)
    plain = [relation for relation in relations() if not relation.parameters]
    assert {table: columns for table, columns in found.items() if table in {each.name for each in plain}} == {
        relation.name: {column: comment for column, _, comment in relation.columns} for relation in plain
    }
    comments = dict(rows(writer, "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"))
    assert {each.name: each.comment for each in relations()}.items() <= comments.items()


@pytest.mark.parametrize("statement", re.findall(r"```sql\n(.*?)```", SQL_PAGE.read_text(), re.DOTALL))
def test_the_examples_of_the_documentation_run(writer: Writer, statement: str) -> None:
    shop(0).write(writer)
    rows(writer, statement)
