"""Every line is one JSON object with the same keys, and none carries personal data or secrets."""

import io
import json
import logging
import sys
import time
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from schemas.logging import configure, mask_text


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_structlog_and_standard_library_write_the_same_line(stream: io.StringIO) -> None:
    configure("worker-1", "info")
    structlog.get_logger("kith").info("batch folded", partition=3, records=20)
    logging.getLogger("aiokafka").warning("took %s ms", 12)
    ours, theirs = lines(stream)
    assert ours["event"] == "batch folded"
    assert (ours["partition"], ours["records"]) == (3, 20)
    assert theirs["event"] == "took 12 ms"
    for line in (ours, theirs):
        assert {"timestamp", "level", "process", "logger", "event"} <= line.keys()
        assert line["process"] == "worker-1"


def test_level_filters(stream: io.StringIO) -> None:
    configure("api", "warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("uvicorn").info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_exception_is_one_line_and_masked(stream: io.StringIO) -> None:
    configure("collector")
    try:
        raise ValueError("bad value jane.doe@x.fr")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(stream)
    assert "ValueError" in str(line["exception"])
    assert "jane" not in stream.getvalue()


def test_masks_nested_values_and_objects(stream: io.StringIO) -> None:
    configure("collector")
    structlog.get_logger().info("x", where={"list": ["jane@x.fr", 7]}, error=ValueError("joe@x.fr"))
    (line,) = lines(stream)
    assert line["where"] == {"list": ["[email]", 7]}
    assert "joe" not in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic d2tfYWJjOg==",
        "authorization: bearer s3cr3tvalue",
        "key wk_0123456789abcdef",
        "POST /v1/webhooks/chatwoot/chat?secret=s3cr3tvalue",
        "GET /sourceConfig/?writeKey=s3cr3tvalue",
    ],
)
def test_masks_credentials(text: str) -> None:
    masked = mask_text(text)
    assert "[credential]" in masked
    assert "s3cr3t" not in masked
    assert "0123456789abcdef" not in masked
    assert "d2tf" not in masked


@pytest.mark.parametrize("text", ["x" * 65536, "@" + "x" * 65536, "x@" * 32768, "x." * 32768 + "@", "Basic " * 10000])
def test_long_text_is_masked_in_linear_time(text: str) -> None:
    """Quadratic search would take a quarter of a minute each."""
    started = time.process_time()
    mask_text(text)
    assert time.process_time() - started < 2.0


@given(st.text(alphabet="abc019 :/_-", max_size=60))
def test_text_without_addresses_or_credentials_is_untouched(text: str) -> None:
    assert mask_text(text) == text
