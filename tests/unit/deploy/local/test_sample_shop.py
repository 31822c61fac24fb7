"""The sample shop: the same on every run, for every base time; every message is one that the collector takes."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.demo_segments import SEGMENTS
from deploy.local.sample_shop import CHANNEL_OF, sample_shop
from deploy.local.sample_shop_catalogue import PRODUCTS, amount, cents_of
from deploy.local.sample_shop_diary import DAY, WEB, Sample
from deploy.local.sample_shop_stories import HEROINE, stories
from ingest.canonical import Reception, Rejection, canonical
from processors.segments.clauses import Definition
from processors.segments.definition import parse
from schemas.event import CanonicalEvent
from schemas.identifier import parse_key
from schemas.source import Source

BASE = 1_790_000_000_000


@pytest.fixture(scope="module")
def shop() -> list[Sample]:
    return sample_shop(BASE)


@settings(max_examples=3, deadline=None)
@given(st.integers(BASE - 1000 * DAY, BASE + 1000 * DAY))
def test_another_base_time_moves_the_times_and_nothing_else(base: int) -> None:
    def told(at: int) -> list[tuple[int, str, str]]:
        return [(sample.at - at, sample.source, sample.message["messageId"]) for sample in sample_shop(at)]

    assert told(base) == told(BASE)


def test_the_same_twice(shop: list[Sample]) -> None:
    assert shop == sample_shop(BASE)


def test_in_order_and_never_in_the_future(shop: list[Sample]) -> None:
    times = [sample.at for sample in shop]
    assert times == sorted(times)
    assert BASE - 60 * DAY < times[0] <= times[-1] <= BASE


def test_ids_are_the_sources_own(shop: list[Sample]) -> None:
    ids = Counter((sample.source, sample.message["messageId"]) for sample in shop)
    assert max(ids.values()) == 1
    assert {sample.source for sample in shop} == set(CHANNEL_OF)


def test_the_collector_takes_everything_but_the_junk(shop: list[Sample]) -> None:
    channels = Counter[str]()
    refused = []
    for sample in shop:
        source = Source(kind="tracking", name=sample.source, write_keys=("k",), channel=CHANNEL_OF[sample.source])
        event = canonical(sample.message, Reception(source, BASE, historical=True))
        if isinstance(event, Rejection):
            refused.append((sample.message["messageId"], event.reason))
        else:
            CanonicalEvent.model_validate(event)
            assert event["flags"] == []
            channels[event["channel"]] += 1
    assert refused == [("junk-000", "no_usable_identifier"), ("junk-001", "no_usable_identifier")]
    assert set(channels) == set(CHANNEL_OF.values())


def test_orders_add_up(shop: list[Sample]) -> None:
    placed = [sample.message["properties"] for sample in shop if sample.message.get("event") == "Order Completed"]
    assert len({order["order_id"] for order in placed}) == len(placed) > 50
    for order in placed:
        assert order["total"] == amount(cents_of(order["products"]))
    assert amount(cents_of([PRODUCTS[0].line(2), PRODUCTS[9].line()])) == "256.70"


def test_the_stories_are_in_it(shop: list[Sample]) -> None:
    told = stories(BASE)
    assert set(map(repr, told)) <= set(map(repr, shop))
    _, email = parse_key(HEROINE)
    traits = [sample.message["traits"] for sample in told if sample.message["type"] == "identify"]
    assert email in {each["email"].lower() for each in traits}
    on_tablet = {
        sample.message.get("userId")
        for sample in told
        if sample.source == WEB and sample.message.get("anonymousId") == "cookie-family-tablet"
    }
    assert on_tablet == {None, "u-paul", "u-ines"}


def test_the_demos_segments_are_definitions() -> None:
    known: dict[str, Definition] = {}
    for document in SEGMENTS:
        definition = parse(document, known)
        known[definition.id] = definition
    assert len(known) == len(SEGMENTS)
