"""Laws of erasure: it is as if the person's events had never been received, whatever arrives when and dies where."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.identity.policy import Policy
from processors.identity.resolve import resolve
from processors.segments.compile import compile_set
from processors.segments.definition import parse
from schemas.identifier import Identifier, seed_of
from schemas.times import to_iso, to_millis
from tests.unit.processors.identity.shop import Event, at
from tests.unit.processors.partition.simulation import TOPICS, Simulation, run

ASKED = 100_000  # the request's moment; events of `old` were received before, those of `new` after
EVERYBODY = compile_set(
    {
        "all": (
            1,
            parse({"id": "all", "name": "All", "where": {"metric": "activity.events", "op": "gte", "value": 1}}, {}),
        )
    }
)


def received(event: Event, at: int) -> Event:
    name = f"{event['message_id']}@{at}"
    event_id = seed_of(Identifier("event", name))
    return Event({**event, "received_at": to_iso(at), "message_id": name, "event_id": event_id})


def old(t: int, **who: str) -> Event:
    return received(at(t, **who), ASKED - 1)


def new(t: int, **who: str) -> Event:
    return received(at(t, **who), ASKED + 1)


def order(event: Event, order_id: str, name: str = "Order Completed", total: str = "10.00") -> Event:
    properties = {"order_id": order_id, "store": "shop-a", "total": total, "currency": "EUR"}
    return Event({**event, "channel": "order", "event": name, "properties": properties})


def public(simulation: Simulation) -> dict[str, Any]:
    """Return what does not tell how often, and when, something was published."""
    profiles = simulation.profiles()
    for profile in profiles.values():
        profile.pop("version")
        # Whoever is a member again has been one since then, not since the first time.
        profile["segments"] = [each["id"] for each in profile["segments"]]
    orders = simulation.newest(TOPICS.orders)
    for each in orders.values():
        each.pop("version")
    return {"profiles": profiles, "orders": orders}


def names(simulation: Simulation, text: str) -> list[bytes]:
    """Return the keys of the state that name somebody, in key or value."""
    needle = text.encode()
    return [
        key
        for store in simulation.stores.values()
        for key, value in store.pairs.items()
        if needle in key or needle in value
    ]


def members(simulation: Simulation) -> dict[str, bool]:
    """Return who is in the segment, by the stream; fails where entered and exited do not alternate."""
    state: dict[str, int] = {}
    for change in simulation.changes():
        assert change["sequence"] == state.get(change["profile_id"], 0) + 1
        state[change["profile_id"]] = change["sequence"]
    return {profile_id: sequence % 2 == 1 for profile_id, sequence in state.items()}


def test_an_erased_person_is_gone_from_every_state_and_exits_their_segments() -> None:
    events = [old(1, a="a1"), old(2, u="u1", a="a1", e="jane@x.fr"), order(old(3, e="jane@x.fr"), "o1")]
    simulation = run(events, compiled=EVERYBODY, batch=1)
    [profile] = simulation.profiles().values()
    request = simulation.erase(Identifier("email", "jane@x.fr"), ASKED)
    simulation.settle()
    assert simulation.finished() == [request]
    assert simulation.profiles() == {}
    assert simulation.newest(TOPICS.orders) == {}
    for text in ("jane@x.fr", '"u1"', "u1\0", '"a1"', "a1\0", '"o1"'):
        assert names(simulation, text) == []
    exit_ = simulation.changes()[-1]
    assert (exit_["change"], exit_["because"], exit_["identifiers"]) == ("exited", {"kind": "erasure"}, [])
    assert exit_["profile_id"] == profile["profile_id"]
    assert members(simulation)[profile["profile_id"]] is False
    log = b"".join(value or b"" for _, value in simulation.logs[TOPICS.privacy, 0])
    assert not any(text in log for text in (b"jane", b"user_id", b"x.fr"))


def test_a_new_event_starts_an_empty_profile_and_a_suppressed_person_stays_out() -> None:
    for mode, expected in (("erase", 1), ("suppress", 0)):
        simulation = run([old(1, u="u1", e="jane@x.fr"), old(2, u="u1")], compiled=EVERYBODY)
        simulation.erase(Identifier("user_id", "u1"), ASKED, mode)  # type: ignore[arg-type]
        simulation.settle()
        simulation.produce(new(3, u="u1"))
        simulation.produce(new(4, u="u2", e="jane@x.fr"))
        simulation.settle()
        found = {p["identifiers"][0]["value"]: p["activity"]["events"] for p in simulation.profiles().values()}
        assert found == ({"u1": 1, "u2": 1} if expected else {})
        members(simulation)


def test_the_same_message_sent_again_counts_again() -> None:
    first = old(1, u="u1", e="jane@x.fr")
    simulation = run([first])
    simulation.erase(Identifier("user_id", "u1"), ASKED)
    simulation.settle()
    simulation.produce(first | {"received_at": to_iso(ASKED + 5)})
    simulation.settle()
    [profile] = simulation.profiles().values()
    assert [each["type"] for each in profile["identifiers"]] == ["user_id", "email"]
    assert profile["activity"]["events"] == 1


def test_a_shared_tablet_keeps_the_other_person() -> None:
    events = [old(1, a="a1"), old(2, u="u1", a="a1"), old(3, a="a1"), old(4, u="u2", a="a1"), old(5, a="a1")]
    simulation = run(events)
    simulation.erase(Identifier("user_id", "u1"), ASKED)
    simulation.settle()
    assert public(simulation) == public(run(events[3:]))


def test_other_peoples_profiles_lose_the_identifier() -> None:
    shared = old(3, u="u2", e="jane@x.fr") | {"type": "identify", "traits": {"email": "jane@x.fr", "name": "Ann"}}
    shared["message_id"] = "m3"
    simulation = run([old(1, u="u1", e="jane@x.fr"), shared])
    simulation.erase(Identifier("email", "jane@x.fr"), ASKED)
    simulation.settle()
    [profile] = simulation.profiles().values()
    assert [each["value"] for each in profile["identifiers"]] == ["u2"]
    assert profile["traits"] == {"name": "Ann"}
    assert names(simulation, "jane") == []


def test_erasing_somebody_unknown_or_twice_does_nothing_more() -> None:
    events = [old(1, u="u1"), old(2, u="u2")]
    simulation = run(events)
    for value in ("nobody", "u1", "u1"):
        simulation.erase(Identifier("user_id", value), ASKED)
    simulation.erase(Identifier("profile_id", seed_of(Identifier("user_id", "u1"))), ASKED)
    simulation.settle()
    assert len(simulation.finished()) == 4
    assert public(simulation) == public(run(events[1:]))


def test_an_order_begun_anew_after_the_request_counts_from_there() -> None:
    before, after = order(old(1, u="u1"), "o1"), order(new(2, u="u1"), "o1", "Order Updated", "7.00")
    simulation = run([before])
    simulation.produce(after)
    simulation.erase(Identifier("user_id", "u1"), ASKED)
    simulation.settle()
    assert public(simulation) == public(run([after]))


who = st.fixed_dictionaries(
    {},
    optional={
        "u": st.sampled_from(["u1", "u2", "u3"]),
        "a": st.sampled_from(["a1", "a2"]),
        "e": st.sampled_from(["j@x.fr", "k@x.fr"]),
        "d": st.just("d1"),
    },
).filter(bool)
before_it = st.builds(lambda t, w: old(t, **w), st.integers(1, 12), who)
after_it = st.builds(lambda t, w: new(t, **w), st.integers(1, 12), who)
anybody = st.sampled_from(
    [Identifier("user_id", "u1"), Identifier("email", "j@x.fr"), Identifier("anonymous_id", "a1")]
)


def never_received(events: list[Event], identifier: Identifier) -> list[Event]:
    """Return the events as if the person's had not been received: the law's other side, by the plain definition."""
    early = [event for event in events if to_millis(event["received_at"]) <= ASKED]
    world = resolve(early, Policy.default())
    owner = world.owner_at(identifier, 1 << 60)
    theirs = {identifier} if owner == identifier else set()
    theirs |= {each for each, holder in world.owners.items() if holder == owner}
    theirs |= {each for each, slices in world.slices.items() if all(part.owner == owner for part in slices)}
    left = []
    for event in events:
        if to_millis(event["received_at"]) <= ASKED:
            if world.profiles[event["event_id"]] == seed_of(owner):
                continue
            kept = [i for i in event["identifiers"] if Identifier(i["type"], i["value"]) not in theirs]
            event = Event({**event, "identifiers": kept})
        left.append(event)
    return left


def erased(
    early: list[Event], late: list[Event], identifier: Identifier, chance: random.Random, partitions: int
) -> Simulation:
    """Return a world in which somebody was erased while `late` arrived, units took turns and some of them died."""
    simulation = Simulation(partitions, EVERYBODY)
    for event in early:
        simulation.produce(event)
    if chance.random() < 0.5:
        simulation.settle()
    simulation.erase(identifier, ASKED)
    waiting = list(late)
    for _ in range(chance.randint(0, 40)):
        # Whose the identifier is, is decided by then; a login that arrives before may decide otherwise.
        if waiting and len(simulation.masks()) and chance.random() < 0.5:
            simulation.produce(waiting.pop())
        crash = chance.choice([None, None, None, "before", "after"])
        simulation.step(chance.choice(simulation.names), chance.choice([1, 3, 100]), crash, chance.shuffle)
    while not len(simulation.masks()):
        simulation.step(chance.choice(simulation.names), shuffle=chance.shuffle)
    for event in waiting:
        simulation.produce(event)
    simulation.settle()
    assert len(simulation.finished()) == 1
    return simulation


@settings(max_examples=200, deadline=None)
@given(
    st.lists(before_it, max_size=8),
    st.lists(after_it, max_size=5),
    anybody,
    st.randoms(use_true_random=False),
    st.sampled_from([1, 4]),
)
def test_erasing_is_never_having_received(
    early: list[Event], late: list[Event], identifier: Identifier, chance: random.Random, partitions: int
) -> None:
    simulation = erased(early, late, identifier, chance, partitions)
    expected = run(never_received([*early, *late], identifier), compiled=EVERYBODY)
    assert public(simulation)["profiles"] == public(expected)["profiles"]
    now = {profile_id for profile_id, member in members(simulation).items() if member}
    assert now == {profile_id for profile_id, member in members(expected).items() if member}


def test_a_login_that_joins_a_tablets_slices_meanwhile_takes_nothing_from_the_other_person() -> None:
    tablet = {"a": "a1", "d": "d1"}
    early = [
        old(1, u="u1"),
        old(11, a="a1"),
        old(2, u="u2", e="j@x.fr", **tablet),
        old(4, u="u1", e="j@x.fr", **tablet),
    ]
    late = [new(4, u="u2", **tablet), new(1, u="u1", e="j@x.fr", **tablet)]
    jane = Identifier("email", "j@x.fr")
    expected = public(run(never_received([*early, *late], jane)))["profiles"]
    assert max(each["as_of"] for each in expected.values()) == to_iso(11_000)
    for number in range(60):
        simulation = erased(early, late, jane, random.Random(number), 4)
        found = public(simulation)["profiles"]
        assert {k: v["activity"] for k, v in found.items()} == {k: v["activity"] for k, v in expected.items()}
