"""Whatever is in an event topic is an event or a dead letter; it never stops a partition."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.partition.decode import decode
from processors.partition.effects import Record
from schemas.codec import dumps, loads
from tests.unit.processors.identity.shop import at
from tests.unit.processors.partition.simulation import TOPICS, Simulation

GOOD = dict(at(5, u="u1", e="j@x.fr"))

json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(GOOD)), json)
def test_any_json_in_any_field_is_folded_or_rejected(field: str, value: Any) -> None:
    simulation = Simulation(1)
    simulation.logs[TOPICS.events["web"], 0].append(("k", dumps({**GOOD, field: value})))
    simulation.settle()
    rejected = [loads(value or b"") for _, value in simulation.logs[TOPICS.rejected, 0]]
    assert len(rejected) + len(simulation.profiles()) >= 1
    assert {letter["reason"] for letter in rejected} <= {"undecodable"}


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"{}", b"\xff", b'{"identifiers": []}'])
def test_what_is_no_event_is_a_dead_letter_and_costs_no_neighbour(value: bytes) -> None:
    simulation = Simulation(1)
    log = simulation.logs[TOPICS.events["web"], 0]
    log += [("k", dumps(GOOD)), ("k", value), ("k", dumps(dict(at(6, u="u1"))))]
    simulation.settle()
    [profile] = simulation.profiles().values()
    assert profile["activity"]["events"] == 2
    [(_, letter)] = simulation.logs[TOPICS.rejected, 0]
    assert loads(letter or b"")["reason"] == "undecodable"


def test_the_same_message_with_another_body_is_reported_and_the_first_stands() -> None:
    simulation = Simulation(4)
    first, second = at(5, message="m", u="u1"), at(5, message="m", u="u1")
    second["properties"] = {"total": 7}
    for event in (first, dict(first), second):
        simulation.produce(event)
    simulation.settle()
    [profile] = simulation.profiles().values()
    assert profile["activity"]["events"] == 1
    letters = [loads(v or b"") for n in range(4) for _, v in simulation.logs[TOPICS.rejected, n]]
    assert [letter["reason"] for letter in letters] == ["conflicting_duplicate"]


def test_a_good_event_decodes_to_itself() -> None:
    event = dict(GOOD)
    assert decode(dumps(event)) == (event, 5000, 5000, bytes.fromhex(event["event_id"].replace("-", "")))
    assert Record("t", 0, "k", None).value is None


def test_what_nests_deep_is_kept_like_anything_else() -> None:
    deep: Any = "bottom"
    for _ in range(400):
        deep = {"d": deep}
    simulation = Simulation(4)
    identify = {**at(1, u="u1", e="j@x.fr"), "type": "identify", "event": None, "traits": {"deep": deep}}
    simulation.logs[TOPICS.events["web"], simulation.locate(identify["seed"])].append(("k", dumps(identify)))
    simulation.produce(at(2, u="u1"))
    simulation.settle()
    [profile] = simulation.profiles().values()
    assert profile["traits"]["deep"] == deep
