"""Incremental = full at every instant, in any order of arrival, over any fragmentation; and what `next` promises."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.segments.clauses import Definition
from processors.segments.compile import Compiled, compile_set
from processors.segments.evaluate import affected, changed_fields, changed_leaves, observe
from processors.segments.windows import Merged, merge
from tests.unit.processors.segments.full import holds, look_up
from tests.unit.processors.segments.generated import START, definition_sets, edges, profiles, timed_events
from tests.unit.processors.segments.verdicts import evaluate

LONG_AGO = 0
# How long an example takes is the machine's affair.
law = settings(deadline=None)


def compiled_of(definitions: dict[str, Definition]) -> Compiled:
    return compile_set({id_: (1, definition) for id_, definition in definitions.items()})


def folded(compiled: Compiled, events: list[tuple[int, Any]], now: int) -> dict[str, Any]:
    history: dict[str, Any] = {}
    for t, event in events:
        observe(compiled, history, event, t, now)
        # A history is JSON: what is stored and read again is the same.
        history = orjson.loads(orjson.dumps(history))
    return history


def split(events: list[Any], places: list[int]) -> list[list[Any]]:
    parts: list[list[Any]] = [[] for _ in range(3)]
    for index, event in enumerate(events):
        parts[places[index % len(places)]].append(event)
    return parts


fragmentations = st.lists(st.integers(0, 2), min_size=1, max_size=5)


@law
@given(definition_sets(), timed_events(), profiles, fragmentations)
def test_incremental_equals_full_at_every_instant(
    definitions: dict[str, Definition], events: list[Any], profile: dict[str, Any], places: list[int]
) -> None:
    compiled = compiled_of(definitions)
    histories = [folded(compiled, part, LONG_AGO) for part in split(events, places)]
    merged = merge(compiled.leaves, histories)
    for now in edges(events):
        verdicts = evaluate(compiled, None, profile, merged, now, {})
        lazily = evaluate(compiled, None, profile, Merged(compiled.leaves, histories), now, {})
        for id_, definition in definitions.items():
            expected = holds(definition.where, events, profile, now, definitions)
            assert verdicts[id_].member is expected
            assert lazily[id_].member is expected


@law
@given(definition_sets(), timed_events(), profiles, fragmentations, st.integers(0, 60))
def test_what_was_forgotten_is_not_missed_from_then_on(
    definitions: dict[str, Definition], events: list[Any], profile: dict[str, Any], places: list[int], second: int
) -> None:
    compiled = compiled_of(definitions)
    horizon = START + second * 1_000
    merged = merge(compiled.leaves, [folded(compiled, part, horizon) for part in split(events, places)])
    for now in edges(events):
        if now >= horizon:
            for id_, verdict in evaluate(compiled, None, profile, merged, now, {}).items():
                assert verdict.member is holds(definitions[id_].where, events, profile, now, definitions)


@law
@given(definition_sets(), timed_events(), st.randoms(use_true_random=False), st.integers(0, 60))
def test_a_history_does_not_depend_on_the_order_of_arrival(
    definitions: dict[str, Definition], events: list[Any], random: Any, second: int
) -> None:
    compiled = compiled_of(definitions)
    shuffled = list(events)
    random.shuffle(shuffled)
    now = START + second * 1_000
    assert folded(compiled, events, now) == folded(compiled, shuffled, now)


@law
@given(definition_sets(), timed_events(), fragmentations)
def test_histories_merge_in_any_order_and_grouping(
    definitions: dict[str, Definition], events: list[Any], places: list[int]
) -> None:
    compiled = compiled_of(definitions)
    a, b, c = (folded(compiled, part, LONG_AGO) for part in split(events, places))
    leaves = compiled.leaves
    one = merge(leaves, [a, b, c])
    assert merge(leaves, [c, b, a]) == one
    assert merge(leaves, [merge(leaves, [a, b]), c]) == one
    assert merge(leaves, [a, merge(leaves, [b, c])]) == one


@law
@given(definition_sets(), timed_events(), profiles)
def test_time_alone_changes_nothing_before_next(
    definitions: dict[str, Definition], events: list[Any], profile: dict[str, Any]
) -> None:
    compiled = compiled_of(definitions)
    history = folded(compiled, events, LONG_AGO)
    instants = edges(events)
    truths = {
        now: {id_: verdict.member for id_, verdict in evaluate(compiled, None, profile, history, now, {}).items()}
        for now in instants
    }
    for place, now in enumerate(instants):
        for exact in ({}, {id_: not member for id_, member in truths[now].items()}):
            # Memberships that differ make the evaluation exact: both ways have to keep the promise.
            for id_, verdict in evaluate(compiled, None, profile, history, now, exact).items():
                assert verdict.next is None or verdict.next > now
                assert verdict.since is None or verdict.since <= now
                for later in instants[place + 1 :]:
                    if verdict.next is not None and later >= verdict.next:
                        break
                    assert truths[later][id_] is verdict.member


@law
@given(definition_sets(most=1), timed_events(), profiles)
def test_it_has_been_so_since(definitions: dict[str, Definition], events: list[Any], profile: dict[str, Any]) -> None:
    compiled = compiled_of(definitions)
    history = folded(compiled, events, LONG_AGO)
    instants = edges(events)
    members = {now: holds(definitions["s0"].where, events, profile, now, definitions) for now in instants}
    for place, now in enumerate(instants):
        verdict = evaluate(compiled, None, profile, history, now, {"s0": not members[now]})["s0"]
        for earlier in reversed(instants[:place]):
            if verdict.since is None or earlier < verdict.since:
                break
            assert members[earlier] is verdict.member


def _profile_of(arrived: list[Any]) -> dict[str, Any]:
    """A profile that depends on the set of events alone: traits are the newest event's properties."""
    traits: dict[str, Any] = {}
    for _, event in sorted(arrived, key=lambda timed: (timed[0], timed[1]["event_id"])):
        traits.update(event["properties"])
    traits.pop("order_id", None)
    return {"traits": traits, "activity": {"events": len(arrived)}}


@law
@given(definition_sets(), timed_events(), st.lists(st.integers(0, 3_000), min_size=12, max_size=12))
def test_a_stream_with_timers_is_right_at_every_instant(
    definitions: dict[str, Definition], events: list[Any], pauses: list[int]
) -> None:
    """Only what was touched is evaluated, and only timers that are due; at every instant all memberships are right."""
    compiled = compiled_of(definitions)
    instants = edges(events)
    history: dict[str, Any] = {}
    members: dict[str, bool] = {}
    timers: dict[str, int | None] = {}
    arrived: list[Any] = []
    profile: dict[str, Any] = {}

    def take(verdicts: dict[str, Any]) -> None:
        for id_, verdict in verdicts.items():
            members[id_], timers[id_] = verdict.member, verdict.next

    def until(end: int) -> None:
        for now in instants:
            if begin <= now < end:
                due = [id_ for id_, at in timers.items() if at is not None and at <= now]
                take(evaluate(compiled, due, profile, history, now, members))
                for id_, definition in definitions.items():
                    assert members.get(id_, False) is holds(definition.where, arrived, profile, now, definitions)

    begin = START - 5_000
    take(evaluate(compiled, None, profile, history, begin, members))
    clock = begin
    for (t, event), pause in zip(events, pauses, strict=False):
        clock += pause
        until(clock)
        begin = clock
        due = [id_ for id_, at in timers.items() if at is not None and at <= clock]
        take(evaluate(compiled, due, profile, history, clock, members))
        before_history, before = orjson.loads(orjson.dumps(history)), profile
        tokens = observe(compiled, history, event, t, clock)
        # An entry that is trimmed as soon as it comes is told, though nothing has changed: once too often costs a look.
        assert set(changed_leaves(compiled, before_history, history)) <= set(tokens)
        arrived.append((t, event))
        profile = _profile_of(arrived)
        tokens += changed_fields(compiled, before, profile)
        take(evaluate(compiled, affected(compiled, tokens), profile, history, clock, members, before=before, at=t))
    until(instants[-1])


@law
@given(definition_sets(), timed_events())
def test_changes_are_dated_exactly_when_events_arrive_in_order(
    definitions: dict[str, Definition], events: list[Any]
) -> None:
    """Events at their own time, timers at theirs: what changes, changes at that instant, by that event or by time."""
    compiled = compiled_of(definitions)
    history: dict[str, Any] = {}
    members: dict[str, bool] = {}
    timers: dict[str, int] = {}
    arrived: list[Any] = []
    profile: dict[str, Any] = {}

    def take(ids: list[str] | None, now: int, before: dict[str, Any], event_id: str | None) -> None:
        verdicts = evaluate(compiled, ids, profile, history, now, members, before=before, at=now, event_id=event_id)
        for id_, verdict in verdicts.items():
            if verdict.member is not members.get(id_, verdict.member):
                assert verdict.since == now
                assert verdict.because in (event_id, None)
            members[id_] = verdict.member
            timers.pop(id_, None)
            if verdict.next is not None:
                timers[id_] = verdict.next
        for id_, definition in definitions.items():
            assert members[id_] is holds(definition.where, arrived, profile, now, definitions)

    take(None, START - 10_000, {}, None)
    for t, event in sorted(events, key=lambda timed: (timed[0], timed[1]["event_id"])):
        while timers and (due := min(timers.values())) <= t:
            take([id_ for id_, at in timers.items() if at == due], due, profile, None)
        tokens = observe(compiled, history, event, t, t)
        arrived.append((t, event))
        before, profile = profile, _profile_of(arrived)
        take(affected(compiled, [*tokens, *changed_fields(compiled, before, profile)]), t, before, event["event_id"])
    while timers:
        due = min(timers.values())
        take([id_ for id_, at in timers.items() if at == due], due, profile, None)


def test_the_oracle_looks_up_like_the_code() -> None:
    assert look_up({"n": {"m": 1}}, "n.m") == 1
    assert look_up({"n.m": 2, "n": {"m": 1}}, "n.m") == 2
