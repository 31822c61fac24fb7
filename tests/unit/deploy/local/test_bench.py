import json
import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from deploy.local.bench import profiles_fold, report
from deploy.local.bench.collector_load import EVENT_BYTES, bodies
from deploy.local.bench.conditions import conditions, cpu_model, kafka_version
from deploy.local.bench.cost import cpu_seconds, resident_bytes
from deploy.local.bench.filling import records
from deploy.local.bench.identity import device_costs, fold_seconds, logged, people_pairs, union_seconds
from deploy.local.bench.people import logins
from deploy.local.bench.registry import BENCHES, choose
from deploy.local.bench.result import Result, document_of, percentile
from deploy.local.bench.run import Bench
from deploy.local.bench.segments import SEGMENTS
from deploy.local.bench.shop import traffic
from deploy.local.bench.targets import TARGETS
from deploy.local.bench.units import Units
from deploy.local.bench.wire import complete, post
from processors.segments.clauses import Definition
from processors.segments.definition import parse
from schemas.codec import loads
from schemas.errors import KithError
from schemas.event import CanonicalEvent

OPENED = 1_700_000_000_000


def test_document_holds_each_figure_beside_its_baseline() -> None:
    first, second = Result(sizes={"events": 10}), Result()
    first.add("fast", 300, "events/s", 200)
    second.add("alone", 1.23456789, "s")
    document = document_of({"a": first, "b": second}, {"cores": 2})
    assert document == {
        "figures": {"fast": {"value": 300, "unit": "events/s"}, "alone": {"value": 1.235, "unit": "s"}},
        "baselines": {"fast": {"value": 200, "unit": "events/s"}},
        "ratios": {"fast": 1.5},
        "conditions": {"cores": 2, "sizes": {"a": {"events": 10}, "b": {}}},
    }
    assert json.loads(json.dumps(document)) == document


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.floats(0.01, 1))
def test_percentile_is_the_least_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_benches_are_chosen_by_name_family_or_all() -> None:
    assert choose(()) == BENCHES
    assert [entry.name for entry in choose(["restart", "collector"])] == [
        "collector_batch",
        "collector_single",
        "restart",
    ]
    with pytest.raises(KithError, match="no bench nonsense: choose among identity,"):
        choose(["collector", "nonsense"])


def test_every_target_is_a_figure_of_a_bench() -> None:
    assert all(choose([name.partition("_")[0]]) for name in TARGETS)


def test_report_shows_limits_and_what_was_reached() -> None:
    result = Result()
    result.add("collector_batch", 16_000, "events/CPU s", 10_000)
    result.add("latency_p99", 120, "ms")
    result.add("restart", 12, "s")
    document = document_of({"x": result}, conditions(0.5))
    rows = {row[0]: row for row in report.rows(document)}
    assert rows["collector_batch"] == (
        *("collector_batch", "16,000 events/CPU s", "10,000 events/CPU s", "1.60", "≥ 0.8", "≥ 1.5", "goal"),
    )
    assert rows["latency_p99"][-1] == "floor"
    assert rows["restart"][-1] == "missed"
    console = Console(record=True, width=40, file=open(os.devnull, "w"))  # noqa: SIM115 - closed with the test
    report.show(document, console)
    console.file.close()
    printed = console.export_text()
    assert "…" not in printed
    assert "scale 0.5" in printed


def test_conditions_name_machine_and_versions() -> None:
    found = conditions(1)
    assert found["cores"] >= 1
    assert len(found["load_average"]) == 3
    assert found["versions"]["faust-streaming"] != "missing"
    assert cpu_model("processor : 0\nmodel name\t: Some CPU @ 2 GHz\n") == "Some CPU @ 2 GHz"
    assert kafka_version(["kafka-clients-4.2.0.jar", "kafka_2.13-4.2.0.jar"]) == "4.2.0"
    assert kafka_version([]) == "unknown"


def test_cost_of_this_process_grows() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.02:
        sum(range(10_000))
    assert resident_bytes(os.getpid()) > 1 << 20


def test_shop_sends_the_same_for_a_seed_and_what_the_collector_takes() -> None:
    sent = list(traffic(2_000, 100))
    assert sent == list(traffic(2_000, 100))
    assert [message["messageId"] for _, message in sent] != [m["messageId"] for _, m in traffic(2_000, 100, seed=2)]
    events = [loads(filled.value) for filled in records(sent, OPENED)]
    for event in events:
        CanonicalEvent.model_validate(event)
    assert len({event["event_id"] for event in events}) == 2_000
    of_a_kind = [sum(e["type"] == "identify" or e["channel"] == "order" for e in events), len(events)]
    assert 0.06 < of_a_kind[0] / of_a_kind[1] < 0.14
    assert {event["channel"] for event in events} == {"web", "order", "chat"}


def test_everybody_logs_in_once_with_two_identifiers() -> None:
    events = [loads(filled.value) for filled in records(logins(50), OPENED)]
    named = [identifier["value"] for event in events for identifier in event["identifiers"]]
    assert len(named) == len(set(named)) == 100


@pytest.mark.parametrize("a_batch", [1, 20])
def test_requests_hold_events_of_the_size_they_claim(a_batch: int) -> None:
    content = bodies(200, a_batch)
    assert len(content) == 200 // a_batch
    messages = [message for body in content for message in (loads(body)["batch"] if a_batch > 1 else [loads(body)])]
    sizes = [len(body) for body in bodies(200, 1)]
    assert len(messages) == 200
    assert sum(size == EVENT_BYTES for size in sizes) > 180
    assert max(sizes) < EVENT_BYTES + 200


def test_segments_are_twenty_valid_definitions() -> None:
    known: dict[str, Definition] = {}
    for document in SEGMENTS:
        known[document["id"]] = parse(document, known)
    assert len(known) == 20


def test_identity_sides_take_the_same_pairs() -> None:
    items = people_pairs(400)
    assert len(items) == len({tuple(item) for item in items}) == 400
    records = logged(items)
    assert [item for record in records for item in loads(record)] == items
    assert fold_seconds(records) > 0
    assert union_seconds(records) > 0
    assert len(device_costs(20)) == 20


def test_units_fold_everything_that_follows_from_the_events(tmp_path: Path) -> None:
    units = Units(tmp_path, 2, SEGMENTS)
    try:
        units.put(records(traffic(500, 40), OPENED))
        units.run(100)
        assert not any(unit.waiting for unit in units.units.values())
        assert units.counts["events"] == 500
        assert units.counts["assignments"] >= units.counts["decisions"] > 0
        assert units.counts["segment_entered"] > 0
        assert all(seconds > 0 for seconds in units.seconds.values())
    finally:
        units.close()


@given(st.binary(max_size=200), st.booleans(), st.integers(1, 50))
def test_answers_are_read_whole_however_they_arrive(body: bytes, chunked: bool, piece: int) -> None:
    if chunked:
        pieces = [body[at : at + piece] for at in range(0, len(body), piece)]
        sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in pieces) + b"0\r\n\r\n"
        data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + sent
    else:
        data = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    assert complete(data) == (200 if chunked else 404, body)
    if not chunked:
        assert all(complete(data[:end]) is None for end in range(len(data)))


def test_requests_say_who_and_how_long() -> None:
    assert post("/v1/track", b"{}", "wk") == (
        b"POST /v1/track HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic d2s6\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )


async def test_a_profile_grows_with_what_is_known_and_is_published_once_a_batch(tmp_path: Path) -> None:
    async with AsyncExitStack() as shared:
        result = await profiles_fold.measure(Bench(0.1, tmp_path, lambda _: None, shared))
    figures = {name: figure["value"] for name, figure in result.figures.items()}
    assert result.sizes["events_before"] == [10, 100, 1000]
    assert figures["profiles_document_1000"] < 1.2 * figures["profiles_document_10"]
    # Of a hundred times the events: what is kept about visits of the last days is longer than a summary of older ones.
    assert figures["profiles_state_1000"] < 3 * figures["profiles_state_10"]
    assert figures["profiles_published"] <= 5
