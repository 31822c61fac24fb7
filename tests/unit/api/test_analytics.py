from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from api.periods import Period
from api.routes.analytics_events import cohorts_of

MONDAY = date(2024, 1, 1)


def test_every_cohort_reaches_to_the_last_return() -> None:
    rows = [(MONDAY, 0, 10), (MONDAY, 2, 3), (date(2024, 1, 8), 0, 5)]
    assert cohorts_of(rows, "week") == [
        {"start": "2024-01-01", "size": 10, "returned": [0, 3]},
        {"start": "2024-01-08", "size": 5, "returned": [0]},
    ]


def test_nobody_makes_no_cohort() -> None:
    assert cohorts_of([], "day") == []


@given(st.integers(0, 3000), st.integers(0, 60))
def test_periods_are_counted_over_the_turn_of_years(days: int, later: int) -> None:
    start = date(2019, 1, 1) + timedelta(days=days)
    monday = start - timedelta(days=start.weekday())
    cases: list[tuple[Period, date]] = [("day", start), ("week", monday), ("month", start.replace(day=1))]
    for period, first in cases:
        [cohort] = cohorts_of([(first, 0, 1), *([(first, later, 1)] if later else [])], period)
        assert len(cohort["returned"]) == later
