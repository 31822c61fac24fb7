"""What a projection makes of the log after somebody has been erased."""

from typing import Any

from processors.erasure.masks import Masks
from projections.batch import blocks_of, projections
from projections.masking import Masking
from schemas.codec import dumps
from schemas.identifier import Identifier, seed_of
from schemas.privacy import Hidden, keyed_hash
from schemas.times import to_iso
from schemas.topics import Topics
from tests.unit.projections.records import Log, event

TOPICS = Topics("t.")
KEY = b"key"
JANE = Identifier("email", "jane@x.fr")
ASKED = 1_800_000_000_000
MASKED = ASKED + 1000


class Requests:
    def __init__(self, *named: Identifier) -> None:
        self.masks = Masks(KEY)
        hidden: list[Hidden] = [{"hash": keyed_hash(KEY, each), "slice": None} for each in named]
        self.masks.add(hidden, ASKED, "erase", MASKED)

    def refresh(self) -> None:
        pass


def seen(topic: str, value: Any, timestamp: int = MASKED) -> Any:
    masking = Masking(Requests(JANE, Identifier("profile_id", seed_of(JANE)), Identifier("order:s", "o1")), TOPICS)
    record = Log(topic, None if value is None else dumps(value), timestamp=timestamp)
    shown = masking.seen_now([record])
    return shown[0].value if shown else None


def test_what_was_published_up_to_the_mask_is_hidden_and_what_came_since_is_not() -> None:
    other = {"type": "user_id", "value": "u2"}
    jane = {"type": "email", "value": "jane@x.fr"}
    hidden = {
        TOPICS.profiles: {"profile_id": seed_of(JANE)},
        TOPICS.changes: {"profile_id": seed_of(JANE)},
        TOPICS.orders: {"store": "s", "order_id": "o1"},
        TOPICS.assignments: {"type": "email", "value": "jane@x.fr", "profile_id": "p"},
        TOPICS.decisions: {"a": other, "b": jane},
        TOPICS.rejected: {"payload": '{"traits": {"email": " Jane@X.fr"}}'},
    }
    for topic, value in hidden.items():
        assert seen(topic, value) is None, topic
        assert seen(topic, value, MASKED + 1) == dumps(value), topic
    shown = {
        TOPICS.profiles: {"profile_id": "p"},
        TOPICS.orders: {"store": "s", "order_id": "o2"},
        TOPICS.assignments: {"type": "email", "value": "jane@x.fr", "profile_id": None},
        TOPICS.decisions: {"a": other, "b": None},
        TOPICS.rejected: {"payload": "no JSON: jane@x.fr"},
        TOPICS.definitions: {"segment_id": "jane@x.fr"},
    }
    for topic, value in shown.items():
        assert seen(topic, value) == dumps(value), topic


def test_events_are_masked_by_the_moment_of_receipt() -> None:
    own = event() | {"identifiers": [{"type": "email", "value": "jane@x.fr"}], "received_at": to_iso(ASKED)}
    assert seen(TOPICS.events["web"], own) is None
    others = own | {"identifiers": [{"type": "user_id", "value": "u2"}, *own["identifiers"]]}
    assert b"jane" not in seen(TOPICS.events["web"], others)
    late = own | {"received_at": to_iso(ASKED + 1)}
    assert seen(TOPICS.events["web"], late) == dumps(late)


def test_what_cannot_be_read_is_left_to_whoever_makes_rows_of_it() -> None:
    masking = Masking(Requests(JANE), TOPICS)
    broken = Log(TOPICS.events["web"], b"{", timestamp=MASKED)
    shown = masking.seen([broken])
    assert list(shown) == [broken]
    assert len(blocks_of(shown, projections(TOPICS))[1]) == 1
