"""Consent: the newest decision per purpose stands, ties go to the more restrictive, unknown is not granted."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given

from processors.profile import consent
from schemas.times import to_iso
from tests.unit.processors.profile.canonical import NOON, Json, event, histories, timed


def stated(preferences: Any, t: int = NOON, message: str = "m") -> Json:
    return event(t=t, message=message, context={"consent": {"categoryPreferences": preferences}})


def declared(purposes: Any, t: int = NOON, message: str = "m", type: str = "identify") -> Json:
    return event(t=t, type=type, message=message, traits={"consent": purposes})


def shown(*events: Json) -> Json:
    decisions: consent.Decisions = {}
    for each, t in timed(list(events)):
        consent.add(decisions, each, t)
    return consent.shown(decisions)


def test_the_newest_decision_stands_in_any_order() -> None:
    decisions = [
        stated({"ads": True}, NOON, "a"),
        declared({"ads": False}, NOON + 1, "b"),
        stated({"ads": True}, NOON + 2, "c"),
    ]
    for order in permutations(decisions):
        assert shown(*order) == {"ads": {"granted": True, "at": to_iso(NOON + 2)}}


def test_of_two_decisions_at_one_instant_the_more_restrictive_stands() -> None:
    grant, refusal = stated({"ads": True}, message="z"), stated({"ads": False}, message="a")
    assert shown(grant, refusal) == shown(refusal, grant) == {"ads": {"granted": False, "at": to_iso(NOON)}}


@pytest.mark.parametrize("value", [False, None, "true", "yes", 1, 0, [], [True], {"granted": "yes"}, {"granted": None}])
def test_only_true_grants(value: Any) -> None:
    assert shown(stated({"ads": value}))["ads"]["granted"] is False
    assert shown(stated({"ads": True}), stated({"ads": value}, NOON + 1))["ads"]["granted"] is False


@pytest.mark.parametrize("value", [True, {"granted": True}, {"granted": True, "at": "2026-01-01"}])
def test_what_grants(value: Any) -> None:
    assert shown(declared({"ads": value}))["ads"]["granted"] is True


def test_a_decision_is_as_old_as_it_says_and_never_newer_than_its_event() -> None:
    refused = stated({"ads": False}, NOON)
    for at, granted in [
        (to_iso(NOON - 1), False),
        (to_iso(NOON + 1), True),
        (to_iso(NOON + 10**9), True),
        ("nonsense", True),
        ("0001-01-01T00:00:00+23:00", False),
        (NOON - 1, True),
    ]:
        again = declared({"ads": {"granted": True, "at": at}}, NOON + 5)
        assert shown(refused, again)["ads"]["granted"] is granted, at
        assert shown(again)["ads"]["at"] <= to_iso(NOON + 5)
        assert consent.history(timed([refused, again]))[-1]["granted"] is granted


def test_purposes_have_channels() -> None:
    assert {
        purpose: each["granted"] for purpose, each in shown(declared({"news": {"email": True, "sms": 0}})).items()
    } == {
        "news.email": True,
        "news.sms": False,
    }


@pytest.mark.parametrize("preferences", [None, True, "all", [], 7])
def test_what_names_no_purpose_decides_nothing(preferences: Any) -> None:
    assert shown(stated(preferences), declared(preferences), event(context={"consent": preferences})) == {}


def test_only_identify_speaks_for_the_person_by_traits() -> None:
    assert shown(declared({"ads": True}, type="group")) == {}


def test_history_lists_each_change_with_its_source() -> None:
    events = [
        stated({"ads": True}, NOON, "a"),
        stated({"ads": True}, NOON + 1, "b"),
        declared({"ads": False}, NOON + 2, "c"),
        stated({"ads": True}, NOON + 2, "d"),
        stated({"ads": True}, NOON + 3, "e"),
    ]
    expected = [
        {"purpose": "ads", "granted": True, "at": to_iso(NOON), "event_id": events[0]["event_id"]},
        {"purpose": "ads", "granted": False, "at": to_iso(NOON + 2), "event_id": events[2]["event_id"]},
        {"purpose": "ads", "granted": True, "at": to_iso(NOON + 3), "event_id": events[4]["event_id"]},
    ]
    for order in permutations(timed(events)):
        assert consent.history(order) == expected


@given(histories())
def test_the_last_of_the_history_is_what_stands(history: list[Json]) -> None:
    decisions: consent.Decisions = {}
    for each, t in timed(history):
        consent.add(decisions, each, t)
    last = {change["purpose"]: change["granted"] for change in consent.history(timed(history))}
    assert last == {purpose: each["granted"] for purpose, each in consent.shown(decisions).items()}
