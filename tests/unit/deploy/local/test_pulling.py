"""A pull hands over everything that changed, once, whatever the shop's day is like and wherever it was interrupted."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.local import pulling_asking, pulling_shops
from deploy.local.pulling import Pulling
from schemas.errors import KithError
from schemas.source import Source, parse_sources
from tests.parts.collecting import collecting
from tests.parts.shops import Shop, shop
from tests.unit.ingest.memory import MemoryLog

KINDS = ["woocommerce", "magento"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling_asking, "FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(pulling_asking, "PATIENCE_S", 0.5)
    monkeypatch.setattr(pulling_shops, "PAGE", 5)
    monkeypatch.setattr("deploy.local.pulling.PAGE", 5)


def order(kind: str, number: int, day: int, created: int | None = None, **more: Any) -> dict[str, Any]:
    at, made = (f"2026-01-{each:02d}T10:00:00" for each in (day, created or day))
    if kind == "woocommerce":
        billing = {"email": f"c{number}@x.fr", "country": "FR"}
        times = {"date_created_gmt": made, "date_modified_gmt": at}
        return {
            "id": number,
            "status": "processing",
            "total": "10.00",
            "currency": "EUR",
            "billing": billing,
            **times,
            **more,
        }
    times = {"created_at": made.replace("T", " "), "updated_at": at.replace("T", " ")}
    whom = {"customer_email": f"c{number}@x.fr", "order_currency_code": "EUR"}
    return {"entity_id": number, "state": "processing", "grand_total": 10, **whom, **times, **more}


class World:
    def __init__(self, kind: str, shop: Shop, url: str, log: MemoryLog, folder: Path, source: Source) -> None:
        self.kind, self.shop, self.url, self.log, self.folder, self.source = kind, shop, url, log, folder, source

    def pull(self, source: Source | None = None) -> dict[str, int]:
        job = Pulling(source or self.source, self.folder / "pulls", self.url)
        return asyncio.run(job.run(lambda _: None)).counts

    def orders(self) -> dict[str, list[str]]:
        """The names of the events of each order, each event once."""
        once = {event["event_id"]: event for event in self.log.events()}
        found: dict[str, list[str]] = {}
        for event in once.values():
            if event["channel"] == "order":
                found.setdefault(event["properties"]["order_id"], []).append(event["event"])
        return found


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind = request.param
    with shop() as state:
        how = (
            "secrets: [s], pull: {key: ck_1, secret: cs_1"
            if kind == "woocommerce"
            else "url_secret: s, pull: {token: token-1"
        )
        path = tmp_path / "sources.yaml"
        path.write_text(f"sources: {{shop: {{kind: {kind}, {how}, url: '{state.url}', requests_per_second: 100}}}}}}")
        with collecting(sources=path) as (url, log):
            yield World(kind, state, url, log, tmp_path, parse_sources(path.read_text())["shop"])


def test_everything_once_then_what_changed(world: World) -> None:
    world.shop.orders = [order(world.kind, number, 1 + number) for number in range(1, 18)]
    assert world.pull()["orders"] == 17
    assert world.orders() == {str(number): ["Order Completed"] for number in range(1, 18)}
    assert all(event["source"] == "shop" for event in world.log.events())
    before = len(world.log.events())
    world.pull()
    ids = {event["event_id"] for event in world.log.events()}
    assert len(ids) == 17, "again adds nothing"
    assert len(world.log.events()) == before, "nor sends anything"
    world.shop.orders[3] = order(world.kind, 4, 20, created=5, total="12.00", grand_total=12)
    world.shop.orders.append(order(world.kind, 99, 21))
    assert world.pull()["orders"] == 2
    assert world.orders()["4"] == ["Order Completed", "Order Updated"]
    assert world.orders()["99"] == ["Order Completed"]


def test_many_changes_in_one_second(world: World) -> None:
    world.shop.orders = [order(world.kind, number, 3) for number in range(1, 24)]
    world.pull()
    assert len(world.orders()) == 23


def test_bad_days_of_the_shop(world: World) -> None:
    world.shop.orders = [order(world.kind, number, 1 + number) for number in range(1, 13)]
    world.shop.answers = [500, 429, 0, 200, 503, 0, 502, 200]
    world.pull()
    assert len(world.orders()) == 12


def test_interrupted_anywhere_nothing_is_missing_and_new_orders_are_new(world: World) -> None:
    world.shop.orders = [order(world.kind, number, 1 + number, created=1) for number in range(1, 18)]
    for good in range(4):
        world.shop.answers = [200] * good + [404]
        # What an earlier run left may be less than what this one gets through.
        with suppress(KithError):
            world.pull()
    world.shop.answers = []
    world.pull()
    assert world.orders() == {str(number): ["Order Completed"] for number in range(1, 18)}


def test_the_collector_away_loses_nothing(world: World) -> None:
    world.shop.orders = [order(world.kind, number, 1 + number) for number in range(1, 8)]
    world.log.away = True
    with pytest.raises(KithError, match="goes on where it stopped"):
        world.pull()
    world.log.away = False
    world.pull()
    assert len(world.orders()) == 7


def test_who_we_are_is_refused_at_once(world: World) -> None:
    pull = {"url": world.shop.url, "key": "x", "secret": "y", "token": "z"}
    wrong = Source.model_validate({**world.source.model_dump(), "pull": pull})
    with pytest.raises(KithError, match=r"401 to GET.*who are you"):
        world.pull(wrong)
    assert len(world.shop.asked) == 1


def test_customers_come_too(world: World) -> None:
    if world.kind == "woocommerce":
        times = {"date_created_gmt": "2026-01-01T10:00:00", "date_modified_gmt": "2026-01-02T10:00:00"}
        world.shop.customers = [{"id": 7, "email": "j@x.fr", "first_name": "Jane", **times}]
    else:
        times = {"created_at": "2026-01-01 10:00:00", "updated_at": "2026-01-02 10:00:00"}
        world.shop.customers = [{"id": 7, "email": "j@x.fr", "firstname": "Jane", "lastname": "D", **times}]
        memo = {"entity_id": 3, "order_id": 1, "grand_total": 4, "order_currency_code": "EUR", **times}
        world.shop.creditmemos = [memo]
    for _ in range(2):
        world.pull()
    people = {event["event_id"]: event for event in world.log.events() if event["type"] == "identify"}
    (person,) = people.values()
    assert {"type": f"{world.kind}:shop", "value": "7"} in person["identifiers"]
    assert world.orders() == ({} if world.kind == "woocommerce" else {"1": ["Order Refunded"]})
    assert not world.log.dead_letters()


def test_what_cannot_be_pulled_says_why(world: World, tmp_path: Path) -> None:
    stripe = Source.model_validate({"kind": "stripe", "name": "pay", "secrets": ["s"]})
    with pytest.raises(KithError, match="no `pull`"):
        Pulling(stripe, tmp_path, world.url)
    (tmp_path / "pulls").mkdir(exist_ok=True)
    (tmp_path / "pulls" / "shop.json").write_text("[]")
    with pytest.raises(KithError, match="remove it"):
        world.pull()
