"""A broken sender raises an alarm and fills no disk; its good events still pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from ingest.answers import Refused
from ingest.canonical import Reception
from ingest.dead_letter_limits import DeadLetterLimits
from ingest.intake import Intake
from ingest.plan_folder import PlanFolder
from schemas.source import Limits, Source
from schemas.topics import Topics
from tests.unit.ingest.memory import MemoryLog

DAY = 24 * 60 * 60 * 1000
NOW = 1_769_854_500_123


def source(name: str, most: int) -> Source:
    limits = Limits(dead_letter_bytes_per_day=most)
    return Source(kind="tracking", name=name, write_keys=("k",), limits=limits)


def dropped(name: str) -> float:
    return REGISTRY.get_sample_value("kith_collector_dead_letters_dropped_total", {"source": name}) or 0.0


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, DAY)), max_size=60))
def test_never_more_than_two_days_worth_in_a_day(letters: list[tuple[int, int]]) -> None:
    limits = DeadLetterLimits()
    one = source("s", 2048)
    kept = sum(size for at, size in sorted((at, size) for size, at in letters) if limits.take(one, size, at))
    assert kept <= 2 * 2048


def test_the_bucket_fills_again() -> None:
    limits = DeadLetterLimits()
    one = source("slow", 1024)
    assert limits.take(one, 1000, NOW)
    assert not limits.take(one, 1000, NOW)
    assert not limits.take(one, 1000, NOW - DAY), "a clock that goes back gives nothing"
    assert limits.take(one, 1000, NOW + DAY)
    assert limits.take(source("other", 1024), 1000, NOW), "each source has its own"


async def test_good_events_pass_a_broken_source() -> None:
    log = MemoryLog()
    intake = Intake(log, Topics(), PlanFolder(None))
    reception = Reception(source("broken", 1024), NOW)
    bad = [{"type": "fax", "messageId": f"m{number}", "padding": "x" * 200} for number in range(9)]
    intake.submit([*bad, {"type": "page", "userId": "u1"}], reception)
    assert (len(log.events()), len(log.dead_letters())) == (1, 2)
    assert dropped("broken") == 7
    with pytest.raises(Refused) as refused:
        intake.submit(bad, reception)
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "too_many_dead_letters", 60)
    assert len(log.dead_letters()) == 2
