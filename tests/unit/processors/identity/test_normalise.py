"""One spelling per identifier: the table of DESIGN's normal forms, and their laws."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.identity.normalise import (
    BLOCKED,
    email,
    fold_provider,
    is_blocked,
    normalise,
    phone,
    region_of,
    text_of,
)
from schemas.identifier import PLACE, SCOPED_FAMILIES

TYPES = [f"{family}:shop-a" if family in SCOPED_FAMILIES else family for family in PLACE]
VALUES = st.one_of(
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.text()),
    st.emails(),
    st.from_regex(r"\+?[0-9 ()./-]{2,20}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("type_", "value", "country", "expected"),
    [
        ("user_id", "u1", None, "u1"),
        ("user_id", "  u1\t", None, "u1"),
        ("user_id", 123, None, "123"),
        ("user_id", 123.0, None, "123"),
        ("user_id", "123", None, "123"),
        ("user_id", "0123", None, "0123"),
        ("user_id", 1.5, None, "1.5"),
        ("user_id", -7, None, "-7"),
        ("user_id", 18446744073709551615, None, "18446744073709551615"),
        ("user_id", "a\x00b\x1f", None, "ab"),
        ("user_id", "Ünï", None, "Ünï"),
        ("shopify:shop-a", 777, None, "777"),
        ("facebook:page-1", "f1", None, "f1"),
        ("facebook", "f1", None, "f1"),
        ("loyalty_id", " L-9 ", None, "L-9"),
        ("email", " Jane.Doe@X.FR ", None, "jane.doe@x.fr"),
        ("email", "ｊａｎｅ＠ｘ．ｆｒ", None, "jane@x.fr"),
        ("email", "j@bücher.example", None, "j@xn--bcher-kva.example"),
        ("email", "J@BÜCHER.example", None, "j@xn--bcher-kva.example"),
        ("email", "jané@x.fr", None, "jané@x.fr"),
        ("email", "j@x", None, "j@x"),
        ("email", "j.d+tag@gmail.com", None, "j.d+tag@gmail.com"),
        ("phone", "06 12 34 56 78", "FR", "+33612345678"),
        ("phone", "06 12 34 56 78", "fr", "+33612345678"),
        ("phone", "+33612345678", None, "+33612345678"),
        ("phone", "0033 6 12 34 56 78", None, "+33612345678"),
        ("phone", "0033 6 12 34 56 78", "FR", "+33612345678"),
        ("phone", "0033 6 12 34 56 78", "US", "+33612345678"),
        ("phone", 33612345678, "FR", "+33612345678"),
        ("phone", "(212) 555-0123", "US", "+12125550123"),
        ("phone", "020 7946 0958", "UK", "+442079460958"),
    ],
)
def test_normal_form(type_: str, value: Any, country: str | None, expected: str) -> None:
    assert normalise(type_, value, country) == (type_, expected)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("user_id", None),
        ("user_id", True),
        ("user_id", ["u1"]),
        ("user_id", {"id": "u1"}),
        ("user_id", float("nan")),
        ("user_id", float("inf")),
        ("user_id", 0),
        ("user_id", 0.0),
        ("user_id", -1),
        ("user_id", "00000000-0000-0000-0000-000000000000"),
        ("user_id", "---"),
        ("anonymous_id", "[object Object]"),
        ("email", "jane"),
        ("email", "@x.fr"),
        ("email", "jane@"),
        ("email", "a@b@c"),
        ("email", "j d@x.fr"),
        ("email", "j@x fr"),
        ("email", "j@-"),
        ("email", "j@\ud83d\ude00 .fr"),
        ("phone", "12"),
        ("phone", "0612345678"),
        ("phone", "call me"),
        ("phone", "253-0000"),
        ("shopify", "777"),
        ("order", "1001"),
        ("nonsense", "u1"),
        ("", "u1"),
    ],
)
def test_names_nobody(type_: str, value: Any) -> None:
    assert normalise(type_, value, None) is None


@pytest.mark.parametrize("word", sorted(BLOCKED | {"0000", "-", "0-0"}))
@pytest.mark.parametrize("dress", ["{}", "  {} ", '"{}"', "'{}'", ' "{}" ', "“{}”", "\x00{}"])
def test_blocked_in_any_dress(word: str, dress: str) -> None:
    for spelling in (word, word.upper(), word.title()):
        for type_ in TYPES:
            assert normalise(type_, dress.format(spelling), "FR") is None


@pytest.mark.parametrize("type_", TYPES)
@given(value=VALUES, country=st.sampled_from([None, "FR", "US", "JP", "zz"]))
@example(value="İ@İ.fr", country=None)
@example(value="ſ@ﬀ.fr", country=None)
@example(value="a@ß.de", country=None)
def test_idempotent_total_and_safe(type_: str, value: Any, country: str | None) -> None:
    once = normalise(type_, value, country)
    if once is None:
        return
    assert normalise(type_, once.value, country) == once
    assert once.value == once.value.strip()
    assert not is_blocked(once.value)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in once.value)
    json.dumps(once.value).encode()


@given(st.integers(min_value=-(2**53), max_value=2**53))
def test_a_number_is_its_decimal_text(number: int) -> None:
    assert text_of(number) == text_of(float(number)) == text_of(str(number)) == str(number)


@given(st.text())
def test_email_and_phone_never_raise(text: str) -> None:
    assert email(text) is None or "@" in str(email(text))
    assert phone(text, "FR") is None or str(phone(text, "FR")).startswith("+")


@given(st.text())
def test_letter_case_of_an_address_never_matters(text: str) -> None:
    if text.isascii():
        assert email(text.upper()) == email(text.lower())


def test_regions() -> None:
    assert [region_of(code) for code in ("FR", "fr ", "UK", "France", "", None, 33)] == ["FR", "FR", "GB", *[None] * 4]


@pytest.mark.parametrize(
    ("address", "folded"),
    [
        ("j.doe+shop@gmail.com", "jdoe@gmail.com"),
        ("j.doe@googlemail.com", "jdoe@gmail.com"),
        ("j.doe+shop@x.fr", "j.doe@x.fr"),
        ("+shop@x.fr", "+shop@x.fr"),
        ("...@gmail.com", "...@gmail.com"),
    ],
)
def test_provider_folding(address: str, folded: str) -> None:
    assert fold_provider(address) == folded
    assert fold_provider(folded) == folded
