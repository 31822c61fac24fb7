"""Sessions against a plain reading of their definition, for every order and grouping of events."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.profile import sessions
from processors.profile.sessions import GAP, Sessions
from schemas.codec import dumps
from schemas.times import EARLIEST, LATEST
from tests.unit.processors.profile.canonical import DAY, MINUTE, NOON

PERIOD = 1 << 30


class Hit(NamedTuple):
    t: int
    is_page: bool


def plain_counts(hits: list[Hit]) -> tuple[int, int]:
    """Sessions and bounces as the definition says, from the sorted timeline."""
    visits: list[list[Hit]] = []
    for hit in sorted(hits):
        if visits and hit.t - visits[-1][-1].t < GAP:
            visits[-1].append(hit)
        else:
            visits.append([hit])
    return len(visits), sum(len(visit) == 1 and visit[0].is_page for visit in visits)


def folded(hits: list[Hit]) -> Sessions:
    first, *rest = hits
    section = sessions.first(first.t, first.is_page)
    for hit in rest:
        sessions.add(section, hit.t, hit.is_page)
    return section


# Instants around one another, around the ends of periods, and anywhere.
instants = st.one_of(
    st.integers(NOON, NOON + 3 * 60 * MINUTE),
    st.builds(
        lambda period, offset: period * PERIOD + offset, st.integers(1653, 1658), st.integers(-40 * MINUTE, 40 * MINUTE)
    ),
    st.builds(lambda steps: NOON + steps * (GAP // 2), st.integers(-2000, 2000)),
    st.integers(EARLIEST, LATEST),
)
timelines = st.lists(st.builds(Hit, instants, st.booleans()), min_size=1, max_size=40)


@given(timelines)
def test_counts_are_those_of_the_definition_in_any_order(hits: list[Hit]) -> None:
    assert sessions.counts(folded(hits)) == plain_counts(hits)
    assert folded(hits) == folded(sorted(hits)) == folded(sorted(hits, reverse=True))


@given(timelines, st.data())
def test_merged_timelines_count_as_one(hits: list[Hit], data: st.DataObject) -> None:
    groups: dict[int, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(data.draw(st.integers(0, 3)), []).append(hit)
    sections = [folded(group) for group in groups.values()]
    before = dumps(sections)
    merged = sessions.merged(sections)
    assert dumps(sections) == before
    assert merged == folded(hits)
    assert sessions.counts(merged) == plain_counts(hits)
    assert sessions.merged([sessions.merged(sections[:2]), *sections[2:]]) == merged


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ([Hit(NOON, True)], (1, 1)),
        ([Hit(NOON, False)], (1, 0)),
        ([Hit(NOON, True), Hit(NOON, True)], (1, 0)),
        ([Hit(NOON, True), Hit(NOON + GAP - 1, True)], (1, 0)),
        ([Hit(NOON, True), Hit(NOON + GAP, True)], (2, 2)),
        ([Hit(NOON, True), Hit(NOON + GAP, True), Hit(NOON + GAP // 2, False)], (1, 0)),
        ([Hit(PERIOD * 1655 - 1, True), Hit(PERIOD * 1655, True)], (1, 0)),
    ],
)
def test_where_a_session_ends(hits: list[Hit], expected: tuple[int, int]) -> None:
    assert sessions.counts(folded(hits)) == expected


def test_the_size_grows_with_visits_and_not_with_events() -> None:
    busy = folded([Hit(NOON + second * 1000, True) for second in range(20_000)])
    assert len(dumps(busy)) < 60
    yearly = folded([Hit(NOON + day * DAY, True) for day in range(3650)])
    assert sessions.counts(yearly) == (3650, 3650)
    assert len(dumps(yearly)) < 3650 * 17


def test_an_event_of_today_touches_the_newest_period_only() -> None:
    section = folded([Hit(NOON + day * DAY, True) for day in range(1000)])
    past = section[1]
    sessions.add(section, NOON + 999 * DAY + 1, True)
    assert section[1] is past
