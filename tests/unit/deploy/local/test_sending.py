"""Batches reach the collector in order of report, through refusals that pass; those that do not pass are told."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import sending
from deploy.local.sending import Batch, Batcher, Collector, send_batches
from deploy.local.sending_keys import collector_of
from deploy.local.sending_lines import batches_of
from schemas.errors import KithError
from schemas.settings import Settings
from tests.parts.receiving import Receiving, receiving


@pytest.fixture
def front() -> Iterator[Receiving]:
    with receiving() as state:
        yield state


def batches(count: int, size: int = 3) -> list[Batch[int]]:
    return [
        Batch([json.dumps({"messageId": f"{number}-{item}"}).encode() for item in range(size)], number)
        for number in range(count)
    ]


async def test_reports_in_order_and_loses_nothing(front: Receiving) -> None:
    reports: list[int] = []
    await send_batches(front.collector, "/v1/import", batches(20), lambda batch: reports.append(batch.mark))
    assert reports == list(range(20))
    assert {message["messageId"] for message in front.messages} == {f"{n}-{i}" for n in range(20) for i in range(3)}
    assert {(path, key) for path, key, _ in front.requests} == {("/v1/import", "wk_1:")}


@pytest.mark.parametrize("status", [503, 429, 408, 500, 502, 504])
async def test_asks_again_while_the_collector_says_not_now(
    front: Receiving, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.01)
    front.answers = [status] * 5
    reports: list[int] = []
    await send_batches(front.collector, "/v1/batch", batches(6), lambda batch: reports.append(batch.mark))
    assert reports == list(range(6))
    assert len(front.messages) == 18


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_a_refusal_that_stays_ends_it_with_the_collectors_words(front: Receiving, status: int) -> None:
    front.answers = [200, 200, status]
    reports: list[int] = []
    with pytest.raises(KithError, match="not like this"):
        await send_batches(front.collector, "/v1/batch", batches(50), lambda batch: reports.append(batch.mark))
    assert reports == list(range(len(reports)))
    assert len(reports) < 50


async def test_gives_up_on_a_collector_that_is_away() -> None:
    nobody = Collector("http://127.0.0.1:1", "wk_1")
    with pytest.raises(KithError, match=r"does not answer.*run the same command again"):
        await send_batches(nobody, "/v1/batch", batches(1), lambda _: None, patience_s=0.1)


def test_batches_are_bounded_by_number_and_by_size() -> None:
    batcher = Batcher[None]()
    assert [batcher.add({}) for _ in range(sending.BATCH_EVENTS)].index(True) == sending.BATCH_EVENTS - 1
    assert len(batcher.take(None).messages) == sending.BATCH_EVENTS
    assert batcher.messages == []
    large = {"properties": {"text": "x" * 400_000}}
    assert [batcher.add(large) for _ in range(3)] == [False, False, True]


def lines(tmp_path: Path, text: str, name: str = "events.ndjson") -> Path:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["events.ndjson", "events.ndjson.gz"])
def test_send_reads_messages_and_names_lines_that_are_none(tmp_path: Path, name: str) -> None:
    text = '{"type":"track","messageId":"1"}\n\nnot json\n[1]\n{"type":"page","messageId":"2"}\n{"a":' + "[" * 9 + "\n"
    faults: list[tuple[str, int, str]] = []
    path = lines(tmp_path, text, name)
    found = list(batches_of([path], lambda *fault: faults.append(fault)))
    assert [json.loads(message)["messageId"] for batch in found for message in batch.messages] == ["1", "2"]
    assert found[-1].mark == 2
    assert [(file, line) for file, line, _ in faults] == [(str(path), 3), (str(path), 4), (str(path), 6)]


def test_send_gives_an_id_to_what_could_not_be_told_from_its_retry(tmp_path: Path) -> None:
    text = '{"type":"track"}\n{"type":"track"}\n{"type":"track","timestamp":"2026-01-01T00:00:00Z"}\n'
    [batch] = batches_of([lines(tmp_path, text)], lambda *_: None)
    first, second, timed = (json.loads(message) for message in batch.messages)
    assert first["messageId"] != second["messageId"]
    assert "messageId" not in timed


def test_send_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b'{"messageId":"1"}\n')

    monkeypatch.setattr("sys.stdin", Input)
    assert [batch.messages for batch in batches_of([Path("-")], lambda *_: None)] == [[b'{"messageId":"1"}']]


def test_send_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(KithError, match=r"absent\.ndjson"):
        list(batches_of([tmp_path / "absent.ndjson"], lambda *_: None))


def test_the_write_key_is_the_sources(tmp_path: Path) -> None:
    sources = tmp_path / "sources.yaml"
    sources.write_text(
        "sources:\n  web: {kind: tracking, write_keys: [wk_web, wk_old]}\n  shop: {kind: shopify, secrets: [s]}\n"
    )
    settings = Settings(sources=sources, write_keys="wk_default,wk_other", collector_port=8001)
    assert collector_of(settings) == ("http://127.0.0.1:8001", "wk_default")
    assert collector_of(settings, "default").write_key == "wk_default"
    assert collector_of(settings, "web").write_key == "wk_web"
    assert collector_of(settings, "web", "wk_given").write_key == "wk_given"
    with pytest.raises(KithError, match=r"no source 'wob'.*default, shop, web"):
        collector_of(settings, "wob")
    with pytest.raises(KithError, match="kind shopify"):
        collector_of(settings, "shop")
    with pytest.raises(KithError, match=r"kith up"):
        collector_of(Settings())
