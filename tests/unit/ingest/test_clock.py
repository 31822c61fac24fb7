"""Senders' times: read liberally, corrected exactly, clamped into what stores can hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import DAY_MS, moment, occurred
from schemas.times import EARLIEST, LATEST, to_iso

NOW = 1_769_854_500_123  # 2026-01-31T10:15:00.123Z
INSTANTS = st.integers(min_value=EARLIEST, max_value=LATEST)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31T10:15:00.123Z", NOW),
        ("2026-01-31T10:15:00.123456Z", NOW),
        ("2026-01-31T10:15:00.123999+00:00", NOW),
        ("2026-01-31T11:15:00.123+01:00", NOW),
        ("2026-01-31T10:15:00.123", NOW),
        ("2026-01-31 10:15:00.123Z", NOW),
        (NOW, NOW),
        (NOW / 1000, NOW),
        ("1969-12-31T23:59:59.9995Z", -1),
        (0, 0),
        ("0001-01-01T00:00:00Z", EARLIEST),
        ("9999-12-31T23:59:59Z", LATEST),
        ("0001-01-01T00:00:00+14:00", EARLIEST),
        (1e300, LATEST),
        (-1e300, EARLIEST),
    ],
)
def test_read(value: Any, expected: int) -> None:
    assert moment(value) == expected


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", "2026-13-01T00:00:00Z", True, [], {}, float("nan"), float("inf"), "Sat Jan 31 2026"],
)
def test_no_time(value: Any) -> None:
    assert moment(value) is None


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans())
def test_any_json_scalar_is_a_time_in_range_or_none(value: Any) -> None:
    read = moment(value)
    assert read is None or EARLIEST <= read <= LATEST


@given(INSTANTS)
def test_what_is_written_is_read(millis: int) -> None:
    assert moment(to_iso(millis)) == millis


def test_the_sender_s_clock_is_corrected() -> None:
    """CASES, clocks: originalTimestamp +2 h, sentAt +2 h 3 s, received now: occurred 3 s before receipt."""
    two_hours = 2 * 60 * 60 * 1000
    assert occurred(NOW, NOW + two_hours + 3000, NOW + two_hours) == (NOW - 3000, False)


@given(INSTANTS, INSTANTS | st.none(), INSTANTS)
def test_corrected_exactly_or_clamped(received: int, sent: int | None, original: int) -> None:
    at, clamped = occurred(received, sent, original)
    wanted = original if sent is None else received - (sent - original)
    assert clamped == (wanted > received + DAY_MS or wanted < EARLIEST)
    assert at == wanted or clamped
    assert at <= received + DAY_MS
    assert at >= EARLIEST


@given(INSTANTS, INSTANTS, INSTANTS, st.integers(min_value=-(10**12), max_value=10**12))
def test_how_wrong_the_sender_s_clock_is_never_matters(received: int, sent: int, original: int, wrong: int) -> None:
    assert occurred(received, sent, original) == occurred(received, sent + wrong, original + wrong)


@pytest.mark.parametrize(("ahead", "clamped"), [(0, False), (DAY_MS, False), (DAY_MS + 1, True)])
def test_more_than_a_day_ahead_is_now(ahead: int, clamped: bool) -> None:
    assert occurred(NOW, None, NOW + ahead) == (NOW if clamped else NOW + ahead, clamped)
