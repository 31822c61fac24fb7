"""Each endpoint of analytics equals a plain Python computation over a random shop, however it is narrowed."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.event import CHANNELS
from schemas.times import EARLIEST, LATEST, to_iso
from tests.contract.projections import plain
from tests.contract.projections.plain import Narrowed
from tests.contract.projections.shop import DAY, NAMES, SEGMENTS, START, Shop, shop
from tests.parts.api import Api
from tests.parts.people import Writer

INSTANTS = st.integers(0, 40 * 24).map(lambda hours: START + hours * 3_600_000)
TIMES = st.tuples(st.just(EARLIEST) | INSTANTS, st.just(LATEST) | INSTANTS).filter(lambda pair: pair[0] <= pair[1])
PERIODS = st.sampled_from(["day", "week", "month"])
EVENTS = st.sampled_from([*NAMES, "Home", "Nothing"])


def asked(api: Api, path: str, narrowed: Narrowed, *more: tuple[str, str]) -> Any:
    question = [*more]
    if narrowed.start != EARLIEST:
        question.append(("from", to_iso(narrowed.start)))
    if narrowed.end != LATEST:
        question.append(("to", to_iso(narrowed.end)))
    question += [(name, value) for name in ("channel", "segment") if (value := getattr(narrowed, name))]
    answer = api.get(f"/v1/analytics/{path}?{urlencode(question)}")
    assert answer.status == 200, answer.body
    return answer.json


# Without shrinking: each try asks a real engine dozens of questions, and the shop's number makes it again.
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), number=st.integers(0, 10**6))
def test_every_endpoint_equals_a_plain_computation(api: Api, writer: Writer, data: st.DataObject, number: int) -> None:
    writer.clear()
    made = shop(number, people=5, events=80, orders=12)
    made.write(writer)
    for channel in ("", *CHANNELS):
        start, end = data.draw(TIMES)
        segment = data.draw(st.sampled_from(["", "", *SEGMENTS]))
        narrowed = Narrowed(start, end, channel, segment)
        check_events(api, made, narrowed, data)
        check_orders(api, made, narrowed, data.draw(PERIODS))
        check_segments(api, made, narrowed, data.draw(PERIODS))


def check_events(api: Api, made: Shop, narrowed: Narrowed, data: st.DataObject) -> None:
    steps = data.draw(st.lists(EVENTS, min_size=1, max_size=4))
    hours = data.draw(st.sampled_from([1, 24, 24 * 20]))
    found = asked(api, "funnel", narrowed, *(("steps", step) for step in steps), ("within", f"{hours}h"))["steps"]
    wanted = plain.funnel(made, narrowed, tuple(steps), hours * DAY // 24)
    assert [(each["event"], each["people"]) for each in found] == [each[:2] for each in wanted]
    assert [each["median_seconds"] for each in found] == [
        None if each[2] is None else pytest.approx(each[2]) for each in wanted
    ]
    assert [each["conversion"] for each in found] == [
        pytest.approx(each["people"] / max(1, found[0]["people"])) for each in found
    ]
    first, back, period = data.draw(EVENTS), data.draw(EVENTS), data.draw(PERIODS)
    cohorts = asked(api, "retention", narrowed, ("start", first), ("return", back), ("period", period))["cohorts"]
    assert cohorts == plain.retention(made, narrowed, first, back, period)


def check_orders(api: Api, made: Shop, narrowed: Narrowed, period: str) -> None:
    items = asked(api, "revenue", narrowed, ("by", period))["items"]
    assert {
        (each["period"], each["currency"]): (each["orders"], Decimal(each["gross"]), Decimal(each["refunded"]))
        for each in items
    } == plain.revenue(made, narrowed, period)
    assert all(Decimal(each["net"]) == Decimal(each["gross"]) - Decimal(each["refunded"]) for each in items)
    found = asked(api, "rfm", narrowed)
    groups = {each["name"]: (each["people"], Decimal(each["revenue"])) for each in found["segments"]}
    assert groups == plain.rfm(made, narrowed)
    assert found["people"] == sum(people for people, _ in groups.values())
    listed = asked(api, "products", narrowed, ("by", "revenue"))["items"]
    assert {
        each["product_id"]: (
            each["views"],
            each["adds"],
            each["orders"],
            Decimal(str(each["quantity"])),
            Decimal(each["revenue"]),
        )
        for each in listed
    } == plain.products(made, narrowed)


def check_segments(api: Api, made: Shop, narrowed: Narrowed, period: str) -> None:
    names = ("period", "segment_id", "entered", "exited", "members")
    items = asked(api, "segments", narrowed, ("by", period))["items"]
    assert [tuple(each[name] for name in names) for each in items] == plain.segments(made, narrowed, period)
