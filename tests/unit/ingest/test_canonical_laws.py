"""From message to canonical event: the laws that hold for any JSON."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from ingest.canonical import MESSAGE_ID_CHARACTERS, Rejection
from schemas.errors import REASONS
from schemas.event import CanonicalEvent
from schemas.identifier import Identifier, event_id_of, seed_of
from tests.unit.ingest.test_canonical import AT, received

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "type",
    "event",
    "name",
    "userId",
    "anonymousId",
    "messageId",
    "previousId",
    "groupId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "properties",
    "traits",
    "context",
    "integrations",
]
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["track", "page", "screen", "identify", "group", "alias"]),
    "event": st.sampled_from(["Order Completed", "Order Refunded", "Live Chat Message Sent", "Product Viewed"]),
    "userId": st.sampled_from(["u1", 1, 1.0, "null"]),
    "timestamp": st.datetimes().map(str),
    "sentAt": st.datetimes().map(str),
    "context": st.fixed_dictionaries(
        {}, optional={"traits": JSON, "userAgent": JSON, "device": JSON, "externalIds": JSON}
    ),
    "properties": st.fixed_dictionaries(
        {},
        optional={"order_id": JSON, "store": JSON, "total": JSON, "currency": JSON, "updated_at": JSON, "phone": JSON},
    ),
}
MESSAGES = st.fixed_dictionaries({}, optional={key: LIKELY.get(key, JSON) | JSON for key in KEYS}) | JSON


@given(MESSAGES, st.integers(0, 4 * 10**12) | st.none(), st.booleans())
def test_any_json_is_an_event_or_a_rejection(message: Any, sent: int | None, historical: bool) -> None:
    outcome = received(message, sent=sent, historical=historical, country="FR")
    if isinstance(outcome, Rejection):
        assert outcome.reason in REASONS
        return
    CanonicalEvent.model_validate(outcome)
    assert outcome["event_id"] == event_id_of(outcome["source"], outcome["message_id"])
    first = outcome["identifiers"][0]
    assert outcome["seed"] == seed_of(Identifier(first["type"], first["value"]))
    assert 1 <= len(outcome["message_id"]) <= MESSAGE_ID_CHARACTERS
    # The same in, the same out; and through JSON and back.
    assert received(message, sent=sent, historical=historical, country="FR") == outcome
    assert orjson.loads(orjson.dumps(outcome)) == outcome


@given(MESSAGES)
def test_a_retry_differs_in_nothing_but_when_it_was_sent(message: Any) -> None:
    if not isinstance(message, dict):
        return
    first, retry = received({**message, "sentAt": AT}), received({**message, "sentAt": "2026-01-31T10:20:00Z"})
    if isinstance(first, Rejection) or isinstance(retry, Rejection):
        assert first == retry
        return
    for key in first.keys() - {"sent_at", "occurred_at", "flags"}:
        assert first[key] == retry[key], key
