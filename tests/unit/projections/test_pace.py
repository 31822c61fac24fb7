from hypothesis import given
from hypothesis import strategies as st

from projections.pace import LINGER_S, Pace

seconds = st.floats(0, 100, allow_nan=False)


def test_what_comes_after_a_quiet_time_waits_for_its_consequences_only() -> None:
    pace = Pace(1.0)
    pace.inserted(10.0, 10.02, 0.0)
    assert pace.due(20.0) == 20.0 + LINGER_S


def test_quick_inserts_follow_one_another_sooner_than_slow_ones() -> None:
    quick, slow = Pace(1.0), Pace(1.0)
    quick.inserted(9.98, 10.0, 0.1)
    slow.inserted(9.8, 10.0, 0.1)
    assert quick.due(10.0) < slow.due(10.0) < 11.0


def test_after_a_full_batch_the_next_one_follows_at_once() -> None:
    behind, trickling = Pace(1.0), Pace(1.0)
    behind.inserted(9.8, 10.0, 1.0)
    trickling.inserted(9.8, 10.0, 0.01)
    assert behind.due(10.0) == 10.0 + LINGER_S < trickling.due(10.0)


@given(seconds, seconds, seconds, st.floats(0.001, 5), st.floats(0, 2))
def test_nothing_waits_longer_than_the_interval(
    began: float, took: float, later: float, interval: float, filled: float
) -> None:
    pace = Pace(interval)
    pace.inserted(began, began + took, filled)
    first = began + took + later
    assert first < pace.due(first) <= first + interval
