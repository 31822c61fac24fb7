"""When a webhook is tried again."""

import pytest

from api.delivery.schedule import delays_of, due_after
from schemas.errors import KithError
from schemas.settings import Settings

DELAYS = delays_of(Settings().webhook_retries)


def test_the_pauses_are_those_of_the_design_give_or_take_a_tenth() -> None:
    assert DELAYS == (1_000, 5_000, 25_000, 120_000, 600_000, 3_600_000, 21_600_000, 86_400_000)
    for attempts, delay in enumerate(DELAYS, 1):
        assert [due_after(DELAYS, attempts, 7, chance) for chance in (0.0, 0.5, 1.0)] == [
            7 + delay * 9 // 10,
            7 + delay,
            7 + delay * 11 // 10,
        ]
    assert due_after(DELAYS, 9, 7, 0.5) is None


def test_other_pauses_may_be_set_and_what_is_none_is_refused() -> None:
    assert delays_of("1s, 2m") == (1_000, 120_000)
    assert delays_of("") == ()
    assert due_after((), 1, 0, 0.5) is None
    with pytest.raises(KithError, match="KITH_WEBHOOK_RETRIES"):
        delays_of("1s,soon")
