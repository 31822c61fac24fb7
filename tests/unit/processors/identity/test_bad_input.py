"""What identity makes of input that makes no sense: the answers of docs/identity.md."""

import pytest

from processors.identity.evidence import link, pairs_of
from processors.identity.fold import IdentityFold
from processors.identity.policy import Policy
from processors.identity.policy_file import parse_policy
from schemas.identifier import Identifier, seed_of
from schemas.times import EARLIEST, LATEST, to_iso
from tests.unit.processors.identity.shop import Event, at, check, run, same
from tests.unit.processors.identity.test_cases import heard


def agree(events: list[Event], policy: Policy | None = None) -> None:
    check(run(events, policy, crash=True), same(events, policy))
    check(run(events[::-1], policy), same(events, policy))


def test_ids_of_ten_thousand_characters() -> None:
    long, other = "x" * 10_000, "x" * 9_999 + "y"
    agree([at(1, u=long, e="j@x.fr", message="m1"), at(2, u=other, e="j@x.fr", a=long, message="m2")])


def test_control_characters_and_what_differs_in_normalisation_only() -> None:
    events = [
        heard(1, userId="u\x001\n", traits={"email": "JANE@x.fr"}),
        heard(2, userId=" u1 ", traits={"email": "ｊane@x.fr"}),
    ]
    assert same(events).groups() == {
        Identifier("user_id", "u1"): {Identifier("user_id", "u1"), Identifier("email", "jane@x.fr")}
    }
    agree(events)


def test_separators_of_keys_inside_values_keep_identifiers_apart() -> None:
    agree([at(1, u="a\x1fb", e="c@x"), at(2, u="a", e="b\x1fc@x"), at(3, u="x:y", s="x:y"), at(4, u="\ufffd", e="c@x")])


def test_the_first_and_the_last_instant_there_is() -> None:
    events = [at(5, u="u1", e="j@x.fr", a="a1"), at(6, u="u2", e="j@x.fr", a="a1"), at(7, a="a1")]
    for event, t in zip(events, (LATEST, EARLIEST, 0), strict=True):
        event["occurred_at"] = to_iso(t)
    assert same(events).owners[Identifier("email", "j@x.fr")] == Identifier("user_id", "u2")
    agree(events)


def test_everything_at_one_instant() -> None:
    agree([at(5, u=f"u{n % 3}", e=f"e{n % 2}", a="a1", message=f"m{n}") for n in range(6)])


def test_a_message_id_of_two_sources() -> None:
    one, other = at(5, u="u1", e="j@x.fr", message="m1"), at(5, u="u2", e="j@x.fr", message="m1")
    other["event_id"] = "0" + one["event_id"][1:]
    agree([one, other])


def test_a_crowd_in_one_event() -> None:
    event = at(1, u="u0")
    event["identifiers"] += [{"type": "email", "value": f"{n}@x"} for n in range(300)]
    agree([event, at(2, e="299@x", p="+331")])


def test_a_policy_that_contradicts_the_data() -> None:
    events = [at(1, u="u1", e="e1"), at(2, u="u1", e="e2"), at(3, u="u1", p="+331"), at(4, e="e2", p="+331")]
    policy = parse_policy("limits: {email: 1}\nblocked: ['+331']")
    world = same(events, policy)
    assert [(r.a.value, r.b.value, r.rule) for r in world.refusals] == [("u1", "e2", "limit:email")]
    agree(events, policy)


def test_alias_loops_end() -> None:
    agree([at(1, u="u1", previous="u2"), at(2, u="u2", previous="u3"), at(3, u="u3", previous="u1")])


def test_an_operator_who_links_somebody_with_themselves_or_with_nobody() -> None:
    u1, ghost = Identifier("user_id", "u1"), Identifier("user_id", "ghost")
    system = run([at(1, u="u1"), link(u1, u1, "d1", "?", 9000, "ann"), link(u1, ghost, "d2", "?", 9000, "ann")])
    assert set(system.decisions) == {"d2"}
    assert system.view.profile_at(ghost, 0) == system.view.profile_at(u1, 0) in {seed_of(u1), seed_of(ghost)}


def test_evidence_of_a_newer_worker_stops_the_writer_with_a_sentence() -> None:
    fold = IdentityFold(Policy.default(), lambda _: None)
    with pytest.raises(ValueError, match="update the identity writer before the workers"):
        fold.fold([["telepathy", "u1", "u2"]], 1)


def test_a_damaged_store_says_how_to_mend_it() -> None:
    stored = {b"i:user_id\0u1": b">i:user_id\0u2"}
    fold = IdentityFold(Policy.default(), stored.get)
    with pytest.raises(LookupError, match="Restore it from its changelog"):
        fold.fold(pairs_of(at(1, u="u1", e="j@x.fr"))[0], 1)


def test_a_blocked_address_still_shows_that_the_other_identifier_exists() -> None:
    policy = Policy(blocked=frozenset({"noreply@x.fr"}))
    agree([at(1, e="noreply@x.fr", a="a1"), at(2, u="u1", previous="a1")], policy)
