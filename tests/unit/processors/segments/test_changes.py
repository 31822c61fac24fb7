"""Entered and exited alternate, are numbered without gaps, and never run backwards in time."""

from hypothesis import given
from hypothesis import strategies as st

from processors.segments.changes import NEVER_TOLD, Membership, because_of, change_id, transition
from schemas.times import to_millis


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100), st.one_of(st.none(), st.integers(0, 200)))))
def test_changes_alternate_without_gaps(steps: list[tuple[bool, int, int | None]]) -> None:
    known, now = NEVER_TOLD, 0
    told = []
    for member, pause, since in steps:
        now += pause
        before = known
        known, change = transition(
            known,
            member,
            profile_id="p",
            segment_id="s",
            version=3,
            since=since,
            now=now,
            because={"kind": "time"},
            identifiers=[{"type": "email", "value": "jane@x.fr"}],
            aliases=["q"],
        )
        assert known.member is member
        assert (change is None) is (before.member is member)
        if change is not None:
            told.append(change)
            assert change["at"].endswith("Z")
            assert to_millis(change["at"]) == known.at
    assert [change["sequence"] for change in told] == list(range(1, len(told) + 1))
    assert [change["change"] for change in told] == ["entered", "exited"] * (len(told) // 2) + ["entered"] * (
        len(told) % 2
    )
    assert [change["at"] for change in told] == sorted(change["at"] for change in told)
    assert len({change["change_id"] for change in told}) == len(told)
    assert all(change["change_id"] == change_id("p", "s", change["sequence"]) for change in told)


def test_at_is_the_instant_at_which_it_became_true() -> None:
    def at(known: Membership, since: int | None) -> int | None:
        return transition(
            known, not known.member, profile_id="p", segment_id="s", version=1, since=since, now=1_000,
            because={"kind": "time"},
        )[0].at  # fmt: skip

    assert at(NEVER_TOLD, 400) == 400
    assert at(NEVER_TOLD, None) == 1_000
    assert at(NEVER_TOLD, 2_000) == 1_000
    assert at(Membership(1, 700), 400) == 700


def test_the_reason() -> None:
    assert because_of("e1", 5, "e2") == {"kind": "event", "event_id": "e1"}
    assert because_of(None, 5, "e2") == {"kind": "time"}
    assert because_of(None, None, "e2") == {"kind": "event", "event_id": "e2"}
    assert because_of(None, None, None) == {"kind": "time"}
