"""Rate limits of sources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.answers import Refused
from ingest.rate import BURST_S, RateLimits
from schemas.source import Limits, Source


def limited(rate: float | None) -> Source:
    return Source(kind="tracking", name="s", write_keys=("k",), limits=Limits(events_per_second=rate))


def test_no_limit_unless_set() -> None:
    limits = RateLimits()
    for _ in range(10_000):
        limits.take(limited(None), 2500, 0.0)


def test_burst_then_wait_then_again() -> None:
    limits, source = RateLimits(), limited(10)
    for _ in range(int(10 * BURST_S)):
        limits.take(source, 1, 0.0)
    with pytest.raises(Refused) as refused:
        limits.take(source, 1, 0.0)
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    limits.take(source, 1, 0.2)


def test_a_large_batch_goes_through_and_is_paid_for() -> None:
    limits, source = RateLimits(), limited(10)
    limits.take(source, 2500, 0.0)
    with pytest.raises(Refused) as refused:
        limits.take(source, 1, 1.0)
    assert refused.value.retry_after is not None
    limits.take(source, 1, 1.0 + refused.value.retry_after)


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 50)), max_size=60), st.floats(0.1, 100))
def test_never_more_than_burst_and_rate_and_one_request(steps: list[tuple[float, int]], rate: float) -> None:
    limits, source, now, passed, largest = RateLimits(), limited(rate), 0.0, 0, 0
    for pause, events in steps:
        now += pause
        try:
            limits.take(source, events, now)
        except Refused:
            continue
        else:
            passed, largest = passed + events, max(largest, events)
    assert passed <= max(rate * BURST_S, 1.0) + rate * now + largest + 1e-6
