"""The messages of a body."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.answers import Refused
from ingest.batch import batch, inherit, single

OBJECTS = st.recursive(
    st.dictionaries(st.text(max_size=2), st.integers() | st.none(), max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
)


def test_the_path_says_the_type_of_a_single_event() -> None:
    assert single({"type": "page", "writeKey": "wk", "userId": "u"}, "track") == [{"type": "track", "userId": "u"}]


@pytest.mark.parametrize("body", [None, [], "x", 5, True])
def test_what_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(Refused, match="one event"):
        single(body, "track")
    with pytest.raises(Refused, match="batch") as refused:
        batch(body, 10)
    assert (refused.value.status, refused.value.code) == (400, "invalid_request")


@pytest.mark.parametrize("messages", [None, {}, "x", 5])
def test_a_batch_needs_a_list(messages: Any) -> None:
    with pytest.raises(Refused, match="batch"):
        batch({"batch": messages}, 10)


def test_limits() -> None:
    assert len(batch({"batch": [1] * 10}, 10)) == 10
    with pytest.raises(Refused) as refused:
        batch({"batch": [1] * 11}, 10)
    assert refused.value.code == "too_many_events"


def test_messages_inherit_what_they_do_not_say() -> None:
    body = {
        "context": {"app": {"name": "shop", "version": "1"}, "locale": "fr"},
        "integrations": {"All": True},
        "batch": [{"context": {"app": {"version": "2"}, "locale": None}}, {"context": "x"}, {}, None],
    }
    assert batch(body, 10) == [
        {"context": {"app": {"name": "shop", "version": "2"}, "locale": "fr"}, "integrations": {"All": True}},
        {"context": "x", "integrations": {"All": True}},
        {"context": {"app": {"name": "shop", "version": "1"}, "locale": "fr"}, "integrations": {"All": True}},
        None,
    ]


@pytest.mark.parametrize("shared", [None, [], "x", {}, 5])
def test_nothing_to_inherit(shared: Any) -> None:
    messages = [{"a": 1}]
    assert batch({"batch": messages, "context": shared}, 10) == messages


@given(OBJECTS, OBJECTS)
def test_what_a_message_says_itself_stands(own: dict[str, Any], shared: dict[str, Any]) -> None:
    merged = inherit(own, shared)
    assert merged.keys() == own.keys() | shared.keys()
    for key in own:
        if own[key] is not None and not isinstance(own[key], dict):
            assert merged[key] == own[key]
    assert inherit(own, {}) == own
    assert inherit(merged, shared) == merged
