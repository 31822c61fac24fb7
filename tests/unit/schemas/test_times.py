"""Instants: text and milliseconds name the same moments."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.times import EARLIEST, EPOCH, LATEST, to_iso, to_millis

instants = st.integers(EARLIEST, LATEST)


@given(instants)
def test_the_text_of_an_instant_is_what_the_standard_library_writes(millis: int) -> None:
    moment = EPOCH + timedelta(milliseconds=millis)
    assert to_iso(millis) == moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    assert datetime.fromisoformat(to_iso(millis)) == moment


@given(instants)
def test_reading_the_text_gives_the_instant_back(millis: int) -> None:
    assert to_millis(to_iso(millis)) == millis


def test_the_ends_of_the_range_and_the_instants_beside_midnight() -> None:
    assert to_iso(EARLIEST) == "1900-01-01T00:00:00.000Z"
    assert to_iso(LATEST) == "2299-12-31T23:59:59.999Z"
    assert to_iso(-1) == "1969-12-31T23:59:59.999Z"
    assert to_iso(0) == "1970-01-01T00:00:00.000Z"
