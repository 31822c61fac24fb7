"""Runs of logins on a device: what is kept, what is cut, and what has to be asked for again."""

from processors.identity.device import Device
from processors.identity.evidence import Item, Watch
from processors.identity.fold import IdentityFold
from processors.identity.policy import Policy
from schemas.identifier import Identifier
from tests.unit.processors.identity.shop import at, check, run, same

U1, COOKIE = Identifier("user_id", "u1"), Identifier("anonymous_id", "a1")


def login(user: str, t: int) -> Item:
    return ["login", *COOKIE, "user_id", user, t, f"m{t}", f"e{t}"]


def test_a_run_keeps_its_first_and_last_login_only() -> None:
    device = Device(COOKIE)
    for t in (5, 1, 9, 3):
        assert device.log_in(U1, (t, f"m{t}", f"e{t}")) is None
    assert [(run.first[0], run.last[0], run.user) for run in device.runs] == [(1, 9, U1)]


def test_a_login_inside_a_run_asks_for_what_lies_between() -> None:
    fold = IdentityFold(Policy.default(), lambda _: None)
    first = fold.fold([login("u1", 1), login("u2", 20), login("u1", 10)], 1)
    assert len(first.watches) == 2
    late = fold.fold([login("u2", 5)], 2)
    assert late.watches == [Watch(U1, COOKIE)]
    assert [(a["from"], a["to"]) for a in late.assignments] == [(None, 5), (5, 10), (10, 20)]
    between = fold.fold([login("u1", 1), login("u1", 7), login("u1", 10)], 3)
    assert [(a["from"], a["to"], a["profile_id"] is None) for a in between.assignments] == [
        (10, None, True),
        (5, 7, False),
        (7, 20, False),
    ]
    assert between.watches == []


def test_a_login_between_runs_asks_for_nothing() -> None:
    fold = IdentityFold(Policy.default(), lambda _: None)
    fold.fold([login("u1", 1), login("u1", 10), login("u2", 20)], 1)
    assert fold.fold([login("u3", 15)], 2).watches == [Watch(Identifier("user_id", "u3"), COOKIE)]
    assert fold.fold([login("u3", 30), login("u2", 25)], 3).watches == []


def test_a_device_first_used_by_a_shared_address() -> None:
    """Logins by what is shared count for nothing, also where they are the first."""
    policy = Policy(shared_threshold=3)
    crowd = [at(t, u=f"c{t}", e="info@x.fr") for t in range(4)]
    events = [*crowd, at(4, e="info@x.fr", a="a1"), at(9, u="u5", a="a1"), at(7, u="u6", a="a1"), at(8, a="a1")]
    check(run(events, policy), same(events, policy))
    check(run(events, policy, crash=True), same(events, policy))
