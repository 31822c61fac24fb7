"""What a reader of the log sees of an event once somebody has asked to be forgotten."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.erasure.masks import Masks
from processors.erasure.scrub import mentions, without
from schemas.codec import dumps
from schemas.identifier import Identifier, seed_of
from schemas.privacy import Hidden, keyed_hash

KEY = b"key"
JANE = Identifier("email", "jane@x.fr")
USER = Identifier("user_id", "u1")
TABLET = Identifier("anonymous_id", "tablet")


def event(*identifiers: Identifier, **members: Any) -> dict[str, Any]:
    return {
        "event_id": "e",
        "event": "Product Viewed",
        "seed": seed_of(identifiers[0]),
        "identifiers": [{"type": each.type, "value": each.value} for each in identifiers],
        "properties": {},
        "traits": {},
        "context": {},
        **members,
    }


def hidden(identifier: Identifier, bounds: list[int | None] | None = None) -> Hidden:
    return {"hash": keyed_hash(KEY, identifier), "slice": bounds}


def masks_of(*many: Hidden, at: int = 100, suppresses: bool = False) -> Masks:
    masks = Masks(KEY)
    masks.add(many, at, "suppress" if suppresses else "erase", at + 10)
    return masks


def test_own_events_up_to_the_request_are_gone_and_later_ones_are_new() -> None:
    masks = masks_of(hidden(JANE))
    mine = event(JANE)
    assert masks.apply(mine, 50, 100) is None
    assert masks.apply(mine, 50, 101) is mine


def test_other_peoples_events_lose_the_identifier() -> None:
    masks = masks_of(hidden(JANE))
    other = event(
        USER,
        JANE,
        traits={"email": "Jane@X.fr", "name": "Ann", "nested": ["jane@x.fr"]},
        context={"page": {"url": "https://shop.example/?m=jane%40x.fr&q=1"}, "note": "mail to JANE@x.fr, please"},
    )
    seen = masks.apply(other, 50, 100)
    assert seen is not None
    assert b"jane" not in dumps(seen).lower()
    assert seen["identifiers"] == [{"type": "user_id", "value": "u1"}]
    assert seen["traits"] == {"email": None, "name": "Ann", "nested": [None]}
    assert seen["context"]["page"]["url"] == "https://shop.example/?m=[erased]&q=1"
    assert other["traits"]["email"] == "Jane@X.fr", "the log's event stays as it is"


def test_a_slice_of_a_shared_device_is_hidden_within_its_bounds_only() -> None:
    masks = masks_of(hidden(TABLET, [10, 20]))
    on_tablet = event(TABLET)
    assert [masks.apply(on_tablet, t, 50) is None for t in (9, 10, 19, 20)] == [False, True, True, False]
    assert not masks.hides(TABLET, 50), "the device is somebody else's too"


def test_a_suppressed_person_is_kept_out_by_any_identifier_for_ever() -> None:
    masks = masks_of(hidden(JANE), hidden(USER), hidden(TABLET, [10, 20]), suppresses=True)
    assert masks.apply(event(USER), 50, 10**15) is None
    assert masks.apply(event(Identifier("user_id", "u2"), JANE), 50, 10**15) is None
    assert masks.apply(event(TABLET), 15, 10**15) is not None
    assert masks.keeps_out([TABLET, USER])
    assert not masks.keeps_out([TABLET])
    assert not masks_of(hidden(USER)).keeps_out([USER]), "whoever was only erased may come back"


def test_another_key_knows_nobody() -> None:
    masks = Masks(b"other")
    masks.add([hidden(JANE)], 100, "erase", 100)
    assert masks.apply(event(JANE), 50, 50) is not None


def test_short_values_are_found_only_where_they_are_the_whole_value() -> None:
    short = Identifier("user_id", "7")
    seen = without(event(USER, short, properties={"price": "17.70", "user": "7", "count": 7, "n": 77}), [short])
    assert seen["properties"] == {"price": "17.70", "user": None, "count": None, "n": 77}
    assert mentions('{"user_id":"7"}', short)
    assert not mentions('{"price":"17.70"}', short)
    assert mentions("https://x.example/?e=jane%40x.fr", JANE)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["jane@x.fr", "x JANE@X.FR y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), json, max_size=4))
def test_nothing_of_the_value_is_left_and_a_second_time_changes_nothing(properties: dict[str, Any]) -> None:
    once = without(event(USER, JANE, properties=properties), [JANE])
    assert b"jane@x.fr" not in dumps(once["properties"]).lower()
    assert without(once, [JANE]) == once
