from hypothesis import given
from hypothesis import strategies as st

from projections.pace import LINGER_S, Pace

seconds = st.floats(0, 100, allow_nan=False)


def test_what_comes_after_a_quiet_time_waits_for_its_consequences_only() -> None:
    pace = Pace(1.0)
    pace.inserted(10.0, 10.02)
    assert pace.due(20.0) == 20.0 + LINGER_S


def test_quick_inserts_follow_one_another_sooner_than_slow_ones() -> None:
    quick, slow = Pace(1.0), Pace(1.0)
    quick.inserted(9.98, 10.0)
    slow.inserted(9.8, 10.0)
    assert quick.due(10.0) < slow.due(10.0) < 11.0


@given(seconds, seconds, seconds, st.floats(0.001, 5))
def test_nothing_waits_longer_than_the_interval(began: float, took: float, later: float, interval: float) -> None:
    pace = Pace(interval)
    pace.inserted(began, began + took)
    first = began + took + later
    assert first < pace.due(first) <= first + interval
