"""Dead letters are whole, readable, bounded, and the same for every retry."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.canonical import Rejection
from ingest.dead_letters import PAYLOAD_CHARACTERS, dead_letter
from schemas.records import DeadLetter

NOW = 1_769_854_500_123
WHY = Rejection("unknown_type", "The type must be another.")


def letter(payload: Any, source: str = "web", why: Rejection = WHY) -> DeadLetter:
    return dead_letter(source, payload, why, NOW)


def test_the_whole_letter() -> None:
    payload = {"type": "x", "messageId": "m1", "note": "é👟"}
    whole = letter(payload)
    assert whole == {
        "schema_version": 1,
        "id": whole["id"],
        "source": "web",
        "reason": "unknown_type",
        "message": "The type must be another.",
        "at": "2026-01-31T10:15:00.123Z",
        "payload": '{"type":"x","messageId":"m1","note":"é👟"}',
    }


@pytest.mark.parametrize("identity", [{"messageId": "m1"}, {"timestamp": "2026-01-31"}, {}])
def test_a_retry_is_the_same_letter(identity: dict[str, str]) -> None:
    first = letter({**identity, "sentAt": "1"})["id"]
    assert letter({**identity, "sentAt": "2"})["id"] == first
    assert letter({**identity, "x": 1})["id"] != first
    assert letter(identity, source="other")["id"] != first
    assert letter(identity, why=Rejection("invalid_event", "."))["id"] != first


def test_different_payloads_are_different_letters() -> None:
    payloads: list[Any] = [{}, {"messageId": ""}, None, 5, "broken line", [], "{}x"]
    assert len({letter(payload)["id"] for payload in payloads}) == len(payloads)
    assert [letter(payload)["id"] for payload in payloads] == [letter(payload)["id"] for payload in payloads]


@given(
    st.recursive(
        st.none() | st.integers(-9, 9) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_payloads_are_text(payload: Any) -> None:
    text = letter(payload)["payload"]
    assert text == payload if isinstance(payload, str) else orjson.loads(text) == payload


def test_a_huge_payload_is_cut_and_says_so() -> None:
    cut = letter({"messageId": "m", "x": "é" * 1_000_000})
    assert len(cut["payload"]) == PAYLOAD_CHARACTERS
    assert "cut after" in cut["message"]
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    assert letter({"messageId": "m", "x": deep})["payload"].count("[") == 500
