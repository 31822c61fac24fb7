"""Explanations, from what is published to the sentence a support agent reads."""

from processors.identity.evidence import link, pairs_of, release, split
from processors.identity.explain import explain, path, standing
from processors.identity.policy import Policy
from schemas.identifier import Identifier, seed_of
from tests.unit.processors.identity.shop import System, at, run

U1, U2 = Identifier("user_id", "u1"), Identifier("user_id", "u2")
EMAIL, PHONE, COOKIE = Identifier("email", "j@x.fr"), Identifier("phone", "+331"), Identifier("anonymous_id", "a1")


def why(system: System, owner: Identifier) -> list[tuple[str, str, str]]:
    explanation = explain(seed_of(owner), system.decisions.values())
    return [(link["a"]["value"], link["b"]["value"], link["rule"]) for link in explanation["links"]]


def why_not(system: System, owner: Identifier) -> list[tuple[str, str, str]]:
    explanation = explain(seed_of(owner), system.decisions.values())
    return [(r["a"]["value"], (r["b"] or r["a"])["value"], r["rule"]) for r in explanation["refusals"]]


def test_links_refusals_and_a_path_through_a_cookie() -> None:
    first, second = at(1, u="u1", e="j@x.fr", a="a1"), at(2, e="j@x.fr", p="+331")
    system = run([first, second])
    explanation = explain(seed_of(U1), system.decisions.values(), pairs_of(first)[1])
    steps = path(COOKIE._asdict(), PHONE._asdict(), explanation["links"])  # type: ignore[arg-type]
    assert steps is not None
    assert [(step["a"]["value"], step["b"]["value"]) for step in steps] == [
        ("a1", "u1"),
        ("u1", "j@x.fr"),
        ("j@x.fr", "+331"),
    ]
    assert path(COOKIE._asdict(), U2._asdict(), explanation["links"]) is None  # type: ignore[arg-type]


def test_a_refusal_is_told_to_both() -> None:
    system = run([at(1, u="u1", e="j@x.fr"), at(2, u="u2", e="j@x.fr")])
    assert why(system, U1) == [("u1", "j@x.fr", "pair")]
    assert why(system, U2) == []
    assert why_not(system, U1) == why_not(system, U2) == [("u2", "j@x.fr", "limit:user_id")]


def test_operators_show_when_applied() -> None:
    events = [at(1, u="u1", e="j@x.fr"), at(2, u="u2", e="j@x.fr")]
    system = run([*events, link(U1, U2, "d1", "married", 5000, "ann")])
    assert set(why(system, U1)) == {("u1", "u2", "operator"), ("u1", "j@x.fr", "pair")}
    assert system.view.profile_at(U2, 0) == system.view.profile_at(U1, 0) == seed_of(U1)
    system = run([*events, link(U1, U2, "d1", "married", 5000, "ann"), split([U2], U1, "d2", "divorced", 6000, "ann")])
    assert ("u1", "u2", "operator") not in why(system, U1)
    assert ("u1", "u2", "operator") in why_not(system, U2)
    assert system.decisions["d1"]["kind"] == "withdrawn"


def test_a_split_takes_along_what_hangs_on_the_named_alone() -> None:
    system = run([at(1, u="u1", e="j@x.fr"), at(2, e="j@x.fr", p="+331"), split([EMAIL], U1, "d1", "no", 9000, "ann")])
    assert system.view.profile_at(EMAIL, 0) == system.view.profile_at(PHONE, 0) == seed_of(EMAIL)
    assert ("u1", "j@x.fr", "operator") in why_not(system, EMAIL)


def test_a_released_address_goes_to_whoever_uses_it_next() -> None:
    released = release(EMAIL, "d1", "reassigned", 5000, "ann")
    system = run([at(1, u="u1", e="j@x.fr"), at(2, u="u2", e="j@x.fr"), released])
    assert system.view.profile_at(EMAIL, 0) == seed_of(EMAIL)
    assert ("j@x.fr", "j@x.fr", "operator") in why_not(system, EMAIL)
    system.receive(at(6, u="u2", e="j@x.fr"))
    system.settle()
    assert system.view.profile_at(EMAIL, 0) == seed_of(U2)


def test_a_link_never_breaks_a_limit_but_what_follows_may_be_refused() -> None:
    """Two people with three addresses each become one with three and two; of the sixth it is said why."""
    events = [at(t, u=f"u{1 + t // 3}", e=f"e{t}@x") for t in range(6)]
    system = run([*events, link(U1, U2, "d1", "same", 9000, "ann")], Policy.default())
    assert why_not(system, U1) == [("u2", "e5@x", "limit:email")]


def test_the_newest_record_of_a_decision_stands() -> None:
    system = System(Policy.default())
    records = []
    for event in (at(20, u="u2", e="j@x.fr"), at(5, u="u1", e="j@x.fr")):
        system.receive(event)
        records += system.write().decisions
    assert [d["kind"] for d in standing(reversed(records))].count("join") == 1
    assert {d["kind"] for d in standing(records)} == {"join", "split", "refuse"}
