"""Traits: the last write wins per key; null removes, empty text does not; too many are refused."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.profile import traits
from processors.profile.fragment import empty, fold
from processors.profile.merge import merge
from schemas.codec import dumps_sorted
from schemas.times import to_millis
from tests.unit.processors.profile.canonical import NOON, Json, event, named


def identify(t: int, message: str = "m", values: Json | None = None, **more: Any) -> Json:
    return event(t=t, type="identify", message=message, traits={**(values or {}), **more})


def shown(*events: Json) -> Json:
    fragment = empty()
    for each in events:
        fold(fragment, each, to_millis(each["occurred_at"]))
    return traits.shown(fragment.get("traits", []))


def test_the_last_write_wins_per_key_in_any_order() -> None:
    old, new = identify(NOON, name="Jane", country="FR"), identify(NOON + 1, "n", name="Joan")
    assert shown(old, new) == shown(new, old) == {"country": "FR", "name": "Joan"}


def test_keys_are_shown_in_order() -> None:
    assert list(shown(identify(NOON, name="Jane", country="FR"), identify(NOON + 1, "n", age=3))) == [
        "age",
        "country",
        "name",
    ]


def test_of_two_writes_at_one_instant_the_greater_message_id_is_later() -> None:
    a, b = identify(NOON, "a", name="A"), identify(NOON, "b", name="B")
    assert shown(a, b) == shown(b, a) == {"name": "B"}


def test_null_removes_and_stays_removed_for_what_was_written_before() -> None:
    written, removed = identify(NOON, name="Jane"), identify(NOON + 5, "n", name=None)
    assert shown(written, removed) == shown(removed, written) == {}
    again = identify(NOON + 6, "o", name="Joan")
    assert shown(removed, again, written) == {"name": "Joan"}


def test_empty_text_is_a_value() -> None:
    assert shown(identify(NOON, name="Jane"), identify(NOON + 1, "n", name="")) == {"name": ""}


def test_types_and_nested_objects_are_kept_and_replaced_whole() -> None:
    values: Json = {
        "age": 3,
        "score": 3.0,
        "vip": False,
        "tags": ["a", 1],
        "address": {"city": "Lille", "geo": {"lat": 1}},
    }
    assert shown(identify(NOON, values=values)) == values
    assert shown(identify(NOON, values=values), identify(NOON + 1, "n", address={"zip": "59"}))["address"] == {
        "zip": "59"
    }


def test_traits_of_a_group_are_not_the_persons() -> None:
    group = event(type="group", traits={"name": "ACME"})
    track = event("Product Viewed", traits={"name": "Product"})
    assert shown(group, track) == {}


def test_consent_is_no_trait() -> None:
    assert shown(identify(NOON, consent={"ads": True}, name="Jane")) == {"name": "Jane"}


_writes = st.lists(
    st.tuples(
        st.integers(NOON, NOON + 3),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from([None, "", "x", 1]), max_size=3),
    ),
    max_size=12,
)


@given(_writes)
def test_it_equals_a_plain_reading_of_the_rule(writes: list[tuple[int, Json]]) -> None:
    events = named([identify(t, values=values) for t, values in writes])
    expected: Json = {}
    for each in sorted(events, key=lambda each: (each["occurred_at"], each["message_id"])):
        expected |= each["traits"]
    expected = {key: value for key, value in expected.items() if value is not None}
    assert shown(*events) == expected
    assert shown(*reversed(events)) == expected


@given(_writes, st.integers(1, 4))
def test_merging_equals_a_plain_reading_too(writes: list[tuple[int, Json]], n: int) -> None:
    events = named([identify(t, values=values) for t, values in writes])
    parts = [empty() for _ in range(n)]
    for index, each in enumerate(events):
        fold(parts[index % n], each, to_millis(each["occurred_at"]))
    for order in (parts, parts[::-1]):
        assert traits.shown(merge(order).get("traits", [])) == shown(*events)


def test_merging_keeps_the_layers_small() -> None:
    many = []
    for index in range(50):
        fragment = empty()
        fold(fragment, identify(NOON + index, f"m{index}", name=f"v{index}", plan="a"), NOON + index)
        many.append(fragment)
    merged = merge(many)
    assert len(merged["traits"]) == 1
    assert len(dumps_sorted(merged["traits"])) < 200


def test_three_hundred_traits_are_kept_and_one_more_is_refused() -> None:
    fits = identify(NOON, values={f"k{index}": index for index in range(300)})
    assert traits.check_traits(fits) is None
    assert traits.check_traits(identify(NOON, values={f"k{index}": index for index in range(301)})) == (
        "The event has 301 traits; at most 300 are kept."
    )


def test_more_than_64_kilobytes_of_traits_are_refused() -> None:
    assert traits.check_traits(identify(NOON, text="x" * (64 * 1024 - 11))) is None
    message = traits.check_traits(identify(NOON, text="x" * (64 * 1024 - 10)))
    assert message is not None
    assert "65537 bytes" in message


def test_only_a_persons_traits_are_limited() -> None:
    many = {f"k{index}": index for index in range(301)}
    assert traits.check_traits(event(type="group", traits=many)) is None
    assert traits.check_traits(event("Product Viewed")) is None
