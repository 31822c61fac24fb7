"""The incremental fold agrees with the definition, in every order, batching and after every crash."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity.policy import Policy
from tests.unit.processors.identity.shop import Event, System, at, check, run, same

LETTERS = {
    "u": ["u1", "u2", "u3"],
    "a": ["a1", "a2"],
    "d": ["d1"],
    "e": ["e1@x.fr", "e2@x.fr", "j.d@gmail.com", "j.d+shop@gmail.com", "jd@gmail.com"],
    "p": ["+33600000001", "+33600000002"],
    "s": ["1", "2"],
    "w": ["1"],
}


@st.composite
def events(draw: st.DrawFn) -> Event:
    letters = draw(st.lists(st.sampled_from(sorted(LETTERS)), min_size=1, max_size=3, unique=True))
    identifiers = {letter: draw(st.sampled_from(LETTERS[letter])) for letter in letters}
    previous = None
    if "u" in letters and draw(st.integers(0, 4)) == 0:
        previous = draw(st.sampled_from([*LETTERS["u"], *LETTERS["a"], "unheard-of"]))
    return at(draw(st.integers(0, 12)), previous=previous, **identifiers)


POLICIES = st.sampled_from(
    [
        Policy.default(),
        Policy(limits={"user_id": 1, "email": 2, "phone": 1, "shopify": 1, "woocommerce": 1, "loyalty_id": 1}),
        Policy(shared_threshold=1),
        Policy(fold_email_providers=True, limits={"user_id": 1, "email": 1}),
        Policy(
            fold_email_providers=True, shared_threshold=1, blocked=frozenset({"+33600000001", "email:e1@x.fr", "u1"})
        ),
        Policy(shared_threshold=2, limits={"user_id": 2, "email": 1}),
        Policy(ranks=(("email",), ("user_id", "phone"), ("shopify", "woocommerce", "magento", "stripe"))),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(events(), max_size=12), POLICIES, st.randoms(), st.integers(1, 5), st.booleans())
def test_incremental_fold_equals_definition(
    given_events: list[Event], policy: Policy, order: random.Random, batch: int, crash: bool
) -> None:
    world = same(given_events, policy)
    arrival = given_events + given_events[::2]
    order.shuffle(arrival)
    check(run(arrival, policy, batch, crash), world)


def test_nothing_new_changes_nothing() -> None:
    system = run([at(1, u="u1", e="j@x.fr", a="a1"), at(2, u="u2", e="j@x.fr", a="a1")])
    items = list(system.sent)
    outcome = system.fold.fold(items, 99)
    assert (outcome.assignments, outcome.decisions, outcome.watches, outcome.writes) == ([], [], [], {})
    assert isinstance(system, System)


def test_a_restart_remembers_where_an_alias_call_logged_in() -> None:
    policy = Policy(ranks=(("email",), ("user_id", "phone"), ("shopify", "woocommerce", "magento", "stripe")))
    events = [at(1, a="a1"), at(2, u="u1", previous="a1"), at(3, u="u1", e="e1@x.fr")]
    check(run(events, policy, crash=True), same(events, policy))


def test_of_two_events_at_one_instant_the_smaller_message_id_is_the_evidence() -> None:
    later, earlier = at(5, u="u1", e="j@x.fr", message="m2"), at(5, u="u1", e="j@x.fr", message="m1")
    for arrival in ([later, earlier], [earlier, later]):
        [(kind, _, _, _, event_id)] = run(arrival).standing()
        assert (kind, event_id) == ("join", earlier["event_id"])
    others = [at(6, u="u1", e="j@x.fr", p="+331", message="m3"), later, earlier]
    assert {event_id for _, _, _, _, event_id in run(others).standing()} == {earlier["event_id"], others[0]["event_id"]}


def test_a_record_is_found_where_it_was_first_kept() -> None:
    """A component kept under its weaker member is read back as that, not as a couple kept under its stronger one."""
    policy = Policy(blocked=frozenset({"e1@x.fr"}))
    events = [
        at(1, w="1", e="e1@x.fr"),
        at(2, u="u1", w="1"),
        at(3, u="u1", p="+331"),
        at(4, w="1", e="e2@x.fr"),
        at(5, e="e3@x.fr", p="+331"),
    ]
    check(run(events, policy, crash=True), same(events, policy))


def test_by_whom_a_profile_is_known_when_ranks_are_equal() -> None:
    """By the earliest evidence: also that with something shared, but no reading that nothing supports."""
    ranks = (("email",), ("user_id", "phone"), ("shopify", "woocommerce", "magento", "stripe"))
    reading = [at(0, u="u2", previous="u1"), at(1, u="u2", p="+331", a="a1", previous="u1")]
    crowd = [at(1, e="e2", p="+339"), at(2, e="e7", p="+339"), at(3, e="e8", p="+339")]
    family = [at(5, e="e1", p="+331"), at(6, e="e2", p="+331")]
    for policy, events in ((Policy(ranks=ranks), reading), (Policy(shared_threshold=2), [*crowd, *family])):
        check(run(events, policy), same(events, policy))
        check(run(events[::-1], policy, crash=True), same(events, policy))
