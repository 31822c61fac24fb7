"""What an event says about who is who, and what a seed says of it when."""

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity.evidence import MOST_IDENTIFIERS, Item, Watch, pairs_of
from processors.identity.seen import Seen, arrived, ask, novel, weak_key
from schemas.codec import dumps, loads
from schemas.identifier import Identifier
from tests.unit.processors.identity.shop import Event, at
from tests.unit.processors.identity.test_fold import events


def short(item: Item) -> str:
    return " ".join(str(part) for part in item[:-3])


def test_every_pair_and_the_strongest_login() -> None:
    event = at(7, u="u1", e="j@x.fr", p="+331", a="a1", d="d1")
    pairs, logins = pairs_of(event)
    assert list(map(short, pairs)) == [
        "pair user_id u1 email j@x.fr",
        "pair user_id u1 phone +331",
        "pair email j@x.fr phone +331",
    ]
    assert list(map(short, logins)) == ["login anonymous_id a1 user_id u1", "login device_id d1 user_id u1"]
    assert all(item[-3:] == [7000, event["message_id"], event["event_id"]] for item in pairs + logins)


def test_what_is_no_evidence() -> None:
    for event in (at(1, a="a1"), at(1, a="a1", d="d1"), at(1, u="u1"), at(1, e="j@x.fr", o="1001"), at(1, o="1001")):
        assert pairs_of(event) == ([], [])


def test_an_alias_is_read_both_ways_unless_it_names_nobody() -> None:
    assert list(map(short, pairs_of(at(1, u="u2", previous="u1"))[1])) == ["alias u2 u1"]
    for previous in ("u2", " u2 ", "null", "0", " "):
        assert pairs_of(at(1, u="u2", previous=previous)) == ([], [])
    assert pairs_of(at(1, e="j@x.fr", previous="u1")) == ([], [])
    late = at(1, u="u2", previous="x")
    late["context"]["previous_id"] = 17
    assert list(map(short, pairs_of(late)[1])) == ["alias u2 17"]


def test_spellings_are_evidence_only_where_a_provider_may_read_another_address() -> None:
    assert list(map(short, pairs_of(at(1, e="j.d+x@gmail.com"))[0])) == ["spelling j.d+x@gmail.com"]
    assert pairs_of(at(1, e="jd@gmail.com")) == ([], [])


def test_an_event_that_names_a_crowd_stays_small() -> None:
    event = at(1, u="u1")
    event["identifiers"] += [{"type": "email", "value": f"{n}@x"} for n in range(1000)]
    pairs, _ = pairs_of(event)
    assert len(pairs) == MOST_IDENTIFIERS * (MOST_IDENTIFIERS - 1) // 2


def test_steady_state_is_silent() -> None:
    seen: Seen = {}
    first = novel(seen, *pairs_of(at(5, u="u1", e="j@x.fr", a="a1")))
    assert len(first) == 2
    seen = loads(dumps(seen))
    assert novel(seen, *pairs_of(at(6, u="u1", e="j@x.fr", a="a1"))) == []
    assert novel(seen, *pairs_of(at(5, u="u1", e="j@x.fr", a="a1"))) == []
    assert len(novel(seen, *pairs_of(at(4, u="u1", e="j@x.fr", a="a1")))) == 2
    assert novel(seen, *pairs_of(at(5, u="u1", e="j@x.fr", a="a1"))) == []


def test_of_one_instant_the_smaller_message_id_is_earlier() -> None:
    seen: Seen = {}
    assert len(novel(seen, *pairs_of(at(5, u="u1", e="j@x.fr", message="m2")))) == 1
    assert novel(seen, *pairs_of(at(5, u="u1", e="j@x.fr", message="m3"))) == []
    assert len(novel(seen, *pairs_of(at(5, u="u1", e="j@x.fr", message="m1")))) == 1


def test_a_contested_device_hears_every_login() -> None:
    seen: Seen = {}
    novel(seen, *pairs_of(at(1, u="u1", a="a1", d="d1")))
    watch = Watch(Identifier("user_id", "u1"), Identifier("anonymous_id", "a1"))
    assert ask(seen, watch, has_events=True) == ask(seen, watch, has_events=True) == []
    seen = loads(dumps(seen))
    assert list(map(short, novel(seen, *pairs_of(at(2, u="u1", a="a1", d="d1"))))) == [
        "login anonymous_id a1 user_id u1"
    ]
    assert list(map(short, novel(seen, *pairs_of(at(3, u="u1", previous="a1"))))) == ["alias u1 a1"]
    assert list(map(short, novel(seen, *pairs_of(at(4, u="u1", previous="a1"))))) == ["alias u1 a1"]
    assert weak_key(["alias", "u1", "a1", 4, "m", "e"]) == weak_key(["login", "anonymous_id", "a1"])


def test_a_question_whether_somebody_exists_is_answered_once() -> None:
    watch = Watch(Identifier("user_id", "u1"), None)
    seen: Seen = {}
    assert arrived(seen) == []
    assert ask(seen, watch, has_events=True) == [["known", "user_id", "u1"]]
    assert arrived(seen) == []
    assert ask(seen, watch, has_events=False) == []
    seen = loads(dumps(seen))
    assert arrived(seen) == [["known", "user_id", "u1"]]
    assert arrived(seen) == []


def test_a_release_makes_what_was_sent_new_again() -> None:
    seen: Seen = {}
    email = Identifier("email", "j@x.fr")
    novel(seen, *pairs_of(at(5, u="u1", e="j@x.fr")))
    released = {email: 10_000}
    assert novel(seen, *pairs_of(at(9, u="u1", e="j@x.fr")), released) == []
    assert len(novel(seen, *pairs_of(at(10, u="u1", e="j@x.fr")), released)) == 1
    assert novel(seen, *pairs_of(at(11, u="u1", e="j@x.fr")), released) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(events(), max_size=10), st.randoms())
def test_what_is_not_sent_is_later_than_what_is(given_events: list[Event], chance: object) -> None:
    seen: Seen = {}
    sent: list[Item] = []
    for event in given_events:
        sent += novel(seen, *pairs_of(event))
    for event in given_events:
        for part in pairs_of(event):
            for item in part:
                same = [other for other in sent if other[:-3] == item[:-3]]
                assert min(other[-3:-1] for other in same) <= item[-3:-1]
