"""Restarts: at once after a single crash, ever more slowly after many, without bound on patience but on the pause."""

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.backoff import FIRST_S, HEALTHY_S, LONGEST_S, Backoff


def test_first_restart_is_nearly_immediate() -> None:
    assert Backoff().after_death(0.0) == FIRST_S <= 0.2


@given(st.integers(1, 5000))
def test_pauses_double_up_to_the_longest(deaths: int) -> None:
    backoff = Backoff()
    pauses = [backoff.after_death(1.0) for _ in range(deaths)]
    assert pauses[-1] == min(LONGEST_S, FIRST_S * 2.0 ** min(deaths - 1, 20))
    assert pauses == sorted(pauses)


@given(st.integers(1, 50))
def test_health_forgets_former_deaths(deaths: int) -> None:
    backoff = Backoff()
    for _ in range(deaths):
        backoff.after_death(0.0)
    assert backoff.after_death(HEALTHY_S) == FIRST_S
