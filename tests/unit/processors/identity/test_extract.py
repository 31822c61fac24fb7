"""Every identifier of a message, once, strongest first."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.identity.extract import external_ids, identifiers_of, in_order, region_of_message
from schemas.identifier import Identifier, strength


def named(*pairs: tuple[str, str]) -> tuple[Identifier, ...]:
    return tuple(Identifier(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"userId": "u1", "anonymousId": "a1"}, named(("user_id", "u1"), ("anonymous_id", "a1"))),
        ({"userId": 123, "anonymousId": 4.0}, named(("user_id", "123"), ("anonymous_id", "4"))),
        ({"userId": None, "anonymousId": "a1"}, named(("anonymous_id", "a1"))),
        ({"userId": True, "anonymousId": "null"}, ()),
        ({"userId": 1, "anonymousId": True}, named(("user_id", "1"))),
        ({"traits": {"email": "A@x.fr"}}, named(("email", "a@x.fr"))),
        ({"context": {"traits": {"email": "A@x.fr"}}}, named(("email", "a@x.fr"))),
        ({"properties": {"email": "A@x.fr", "loyalty_id": 7}}, named(("loyalty_id", "7"), ("email", "a@x.fr"))),
        (
            {"traits": {"email": "b@x.fr"}, "properties": {"email": "a@x.fr"}, "userId": "u"},
            named(("user_id", "u"), ("email", "a@x.fr"), ("email", "b@x.fr")),
        ),
        ({"traits": {"email": "a@x.fr"}, "context": {"traits": {"email": "A@X.fr"}}}, named(("email", "a@x.fr"))),
        ({"type": "group", "traits": {"email": "office@x.fr"}, "userId": "u"}, named(("user_id", "u"))),
        ({"type": "group", "context": {"traits": {"email": "a@x.fr"}}}, named(("email", "a@x.fr"))),
        ({"anonymousId": "a", "context": {"device": {"id": "d"}}}, named(("anonymous_id", "a"), ("device_id", "d"))),
        ({"context": {"device": "phone"}}, ()),
        ({"context": "x", "traits": ["email"], "properties": 5}, ()),
        ({}, ()),
    ],
)
def test_where_they_stand(message: dict[str, Any], expected: tuple[Identifier, ...]) -> None:
    assert identifiers_of(message) == expected


def test_a_cached_pair_does_not_confuse_true_with_one() -> None:
    assert identifiers_of({"userId": 1}) == named(("user_id", "1"))
    assert identifiers_of({"userId": True}) == ()
    assert identifiers_of({"userId": 1.0}) == named(("user_id", "1"))
    assert identifiers_of({"userId": "1"}) == named(("user_id", "1"))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "shopify:shop-a", "id": 777}, named(("shopify:shop-a", "777"))),
        ({"type": "shopify:shop-a", "id": "777"}, named(("shopify:shop-a", "777"))),
        ({"type": "shopify", "id": "shop-a:777"}, named(("shopify:shop-a", "777"))),
        ({"type": "shopify", "id": "777"}, ()),
        ({"type": "shopify", "id": 777}, ()),
        ({"type": "facebook", "id": "f1"}, named(("facebook", "f1"))),
        ({"type": "email", "id": " A@x.FR "}, named(("email", "a@x.fr"))),
        ({"type": "user_id", "id": "a:b", "collection": "users", "encoding": "none"}, named(("user_id", "a:b"))),
        ({"type": "ga_client_id", "id": "1.2"}, ()),
        ({"type": "user_id", "id": ""}, ()),
        ({"type": "user_id", "id": None}, ()),
        ({"type": 5, "id": "x"}, ()),
        ({"id": "x"}, ()),
        ("user_id:x", ()),
    ],
)
def test_external_ids(entry: Any, expected: tuple[Identifier, ...]) -> None:
    assert tuple(external_ids([entry])) == expected
    assert identifiers_of({"context": {"externalIds": [entry]}}) == expected


@pytest.mark.parametrize("entries", [None, "x", {}, 5, [None], [[]]])
def test_external_ids_of_another_shape(entries: Any) -> None:
    assert external_ids(entries) == []


@pytest.mark.parametrize(
    ("message", "region"),
    [
        ({"traits": {"address": {"country": "FR"}}, "context": {"location": {"country": "US"}}}, "FR"),
        ({"context": {"traits": {"address": {"country": "be"}}}}, "BE"),
        ({"traits": {"address": {"country": "France"}}, "context": {"location": {"country": "US"}}}, "US"),
        ({"context": {"location": {"country": "US"}, "locale": "fr-FR"}}, "US"),
        ({"context": {"locale": "fr-CA"}}, "CA"),
        ({"context": {"locale": "fr_CA.UTF-8"}}, "CA"),
        ({"context": {"locale": "zh-Hant-TW"}}, "TW"),
        ({"context": {"locale": "fr"}}, None),
        ({"context": {"locale": 5, "location": "FR"}}, None),
        ({}, None),
    ],
)
def test_region_of_phone_numbers(message: dict[str, Any], region: str | None) -> None:
    context = message.get("context", {})
    assert region_of_message(message.get("traits", {}), context.get("traits", {}), context) == region
    local = {"FR": "0612345678", "BE": "0470123456", "US": "2125550123", "CA": "4165550123", "TW": "0912345678"}
    number = local.get(region or "FR", "")
    spoken = {**message, "properties": {"phone": number}}
    assert bool(identifiers_of(spoken)) == (region is not None)
    # The source's own country is the last resort.
    assert identifiers_of(spoken, "FR" if region is None else "JP") != ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
HOLDER = st.dictionaries(st.sampled_from(["email", "phone", "loyalty_id", "address", "x"]), JSON | st.emails()) | JSON
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["track", "identify", "group", "alias"]),
        "userId": JSON,
        "anonymousId": JSON,
        "traits": HOLDER,
        "properties": HOLDER,
        "context": st.fixed_dictionaries(
            {}, optional={"traits": HOLDER, "device": JSON, "externalIds": JSON, "locale": JSON, "location": JSON}
        )
        | JSON,
    },
)


@given(MESSAGE)
def test_any_json_gives_unique_identifiers_strongest_first(message: dict[str, Any]) -> None:
    found = identifiers_of(message, "FR")
    assert len(set(found)) == len(found)
    assert list(found) == sorted(found, key=strength)
    assert identifiers_of(dict(reversed(list(message.items()))), "FR") == found


def test_order_of_mention_never_matters() -> None:
    mentioned = named(("phone", "+33612345678"), ("user_id", "u"), ("email", "b@x"), ("email", "a@x"), ("user_id", "u"))
    expected = named(("user_id", "u"), ("email", "a@x"), ("email", "b@x"), ("phone", "+33612345678"))
    assert {in_order(order) for order in permutations(mentioned)} == {expected}
