"""What a support agent reads: every rule has a sentence with the two identifiers, the moment and the event."""

from typing import Any

from processors.identity.evidence import link, pairs_of, release, split
from processors.identity.explain import Explanation, explain, path
from processors.identity.policy import Policy
from processors.identity.words import describe_apart, describe_path, describe_profile, refusal_in_words
from schemas.identifier import Identifier, seed_of
from tests.unit.processors.identity.shop import System, at, run

U1, U2 = Identifier("user_id", "u1"), Identifier("user_id", "u2")
PHONE, COOKIE = Identifier("phone", "+331"), Identifier("anonymous_id", "a1")


def explained(system: System, owner: Identifier, *events: dict[str, Any]) -> Explanation:
    logins = [login for event in events for login in pairs_of(event)[1]]
    return explain(seed_of(owner), system.decisions.values(), logins)


def profile(owner: Identifier, *identifiers: Identifier) -> dict[str, Any]:
    return {"profile_id": seed_of(owner), "identifiers": [each._asdict() for each in (owner, *identifiers)]}


def test_a_path_step_by_step() -> None:
    first, second = at(1, u="u1", e="j@x.fr", a="a1"), at(2, e="j@x.fr", p="+331")
    explanation = explained(run([first, second]), U1, first)
    steps = path(COOKIE._asdict(), PHONE._asdict(), explanation["links"])  # type: ignore[arg-type]
    assert steps is not None
    assert describe_path("anonymous_id:a1", "phone:+331", "p", steps) == [
        "anonymous_id:a1 and phone:+331 are one person, profile p:",
        f"  1. Account u1 was in use on browser a1, 1970-01-01 00:00:01 UTC (event {first['event_id']}).",
        f"  2. Account u1 and e-mail j@x.fr came in one event, 1970-01-01 00:00:01 UTC (event {first['event_id']}).",
        f"  3. E-mail j@x.fr and phone +331 came in one event, 1970-01-01 00:00:02 UTC (event {second['event_id']}).",
    ]
    backwards = path(PHONE._asdict(), COOKIE._asdict(), explanation["links"])  # type: ignore[arg-type]
    assert backwards is not None
    assert describe_path("p", "a", "p", backwards)[3].endswith(
        f"Account u1 was in use on browser a1, 1970-01-01 00:00:01 UTC (event {first['event_id']})."
    )


def test_two_people_and_what_kept_them_apart() -> None:
    events = [at(1, u="u1", e="j@x.fr"), at(2, u="u2", e="j@x.fr")]
    refusals = explained(run(events), U2)["refusals"]
    people = (profile(U1, Identifier("email", "j@x.fr")), profile(U2))
    lines = describe_apart("user_id:u1", "user_id:u2", people, refusals)
    assert len(lines) == 2
    assert "are two people" in lines[0]
    assert "more than one person may have of: account" in lines[1]
    assert events[1]["event_id"] in lines[1]
    assert "No event has named" in describe_apart("user_id:u1", "user_id:u2", people, [])[1]


def test_every_refusal_has_a_sentence() -> None:
    two = [at(1, u="u1", e="j@x.fr"), at(2, u="u2", e="j@x.fr")]
    cases = {
        "more than one person may have": run(two),
        "shared by too many": run([*two, at(3, u="u3", e="j@x.fr")], Policy(shared_threshold=2)),
        "an operator has split them": run(
            [two[0], split([Identifier("email", "j@x.fr")], U1, "d", "his", 5000, "ann")]
        ),
        "An operator decided": run([split([U2], U1, "d", "her son", 5000, "ann"), two[0]]),
        "released by an operator": run([two[0], release(Identifier("email", "j@x.fr"), "d", "sold", 5000, "ann")]),
        "keeps them apart": run(
            [
                link(U1, U2, "d1", "one", 5000, "ann"),
                link(U2, Identifier("user_id", "u3"), "d2", "one", 6000, "ann"),
                split([Identifier("user_id", "u3")], U1, "d3", "not one", 7000, "ann"),
                two[0],
            ]
        ),
    }
    for words, system in cases.items():
        decisions = explain(seed_of(U1), system.decisions.values())["refusals"]
        decisions += explain(seed_of(Identifier("email", "j@x.fr")), system.decisions.values())["refusals"]
        said = [refusal_in_words(each) for each in decisions]
        assert any(words in sentence for sentence in said), (words, said)
        assert all("1970" in sentence for sentence in said), said


def test_a_profile_and_one_that_stands_alone() -> None:
    events = [at(1, u="u1", e="j@x.fr"), at(2, u="u2", e="j@x.fr")]
    system = run(events)
    lines = describe_profile("user_id:u1", profile(U1, Identifier("email", "j@x.fr")), explained(system, U1))
    assert "  e-mail j@x.fr" in lines
    assert "They are one person's because:" in lines
    assert "Kept apart:" in lines
    slice_ = {**COOKIE._asdict(), "from": "1970-01-01T00:00:01.000Z", "to": "1970-01-01T00:00:02.000Z"}
    alone = {"profile_id": seed_of(U2), "identifiers": [slice_]}
    lines = describe_profile("user_id:u9", alone, {"profile_id": "p", "links": [], "refusals": []})
    assert "  browser a1, from 1970-01-01 00:00:01 UTC, until 1970-01-01 00:00:02 UTC" in lines
    assert "nobody has linked it" in lines[-1]
    shop = {"type": "shopify:shop-a", "value": "7"}
    shopper = describe_profile(
        "x",
        {"profile_id": "p", "identifiers": [shop, {"type": "crisp", "value": "c"}]},
        {"profile_id": "p", "links": [], "refusals": []},
    )
    assert shopper[1:3] == ["  shopify:shop-a customer 7", "  crisp contact c"]
