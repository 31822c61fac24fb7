"""How values compare: numbers as decimals, text exactly, and nothing with what is missing."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.segments.comparison import equals, instant, number, one_of, predicate
from tests.unit.processors.segments.full import compare, decimal_of, millis_of
from tests.unit.processors.segments.generated import instants, operands, scalars, texts, values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (5.0, Decimal(5)),
        (0.1, Decimal("0.1")),
        ("120.50", Decimal("120.5")),
        ("-0", Decimal(0)),
        ("0123", None),
        ("+5", None),
        (" 5", None),
        ("5.", None),
        (".5", None),
        ("1e3", None),
        ("٣", None),
        ("NaN", None),
        ("", None),
        (True, None),
        (None, None),
        ([5], None),
        (1e300, None),
        (1e-300, None),
        (1e-30, None),
        (-0.0, Decimal(0)),
        ("0." + "1" * 38, Decimal("0." + "1" * 38)),
        (1.5e-21, Decimal("1.5e-21")),
        ("9" * 30, Decimal("9" * 30)),
        ("9" * 31, None),
        (10**30, None),
        (-1e30, None),
        ("0." + "0" * 38 + "1", None),
    ],
)
def test_numbers(value: Any, expected: Any) -> None:
    assert number(value) == expected
    assert decimal_of(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1970-01-01 01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.0019999Z", 1),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("1970-01-01T00:00", 0),
        ("1970-13-01", None),
        ("1970-01-01T24:00", None),
        ("1970-01-01T00:00:60", None),
        ("1970-01-01T00:00+24:00", None),
        ("1970-01-01T00:00-0130", 5_400_000),
        ("1970-02-29", None),
        ("1970-01-01T00", None),
        ("1900-01-01", -2_208_988_800_000),
        ("2299-12-31T23:59:59.999Z", 10_413_791_999_999),
        ("2299-12-31T23:59:59.999-00:01", None),
        ("19700101", None),
        ("1970-W01-1", None),
        ("1899-12-31", None),
        ("2300-01-01", None),
        ("now", None),
        (0, None),
        (None, None),
    ],
)
def test_instants(text: Any, expected: int | None) -> None:
    assert instant(text) == expected
    assert millis_of(text) == expected


def test_equality_keeps_types_apart() -> None:
    assert equals(1)("1.00")
    assert equals("1")(1.0)
    assert not equals(1)(True)
    assert not equals(True)(1)
    assert not equals("true")(True)
    assert not equals("0123")(123)
    assert not equals("FR")("fr")
    assert one_of(("FR", 1, True))(True)
    assert not one_of(("FR", 1))(True)
    assert not one_of((True,))(1)


def test_what_is_missing_is_only_missing() -> None:
    for op in ("eq", "ne", "contains", "starts_with"):
        assert not predicate(op, "a")(None)
    assert not predicate("not_in", ("a",))(None)
    assert not predicate("exists", None)(None)
    assert predicate("missing", None)(None)
    assert predicate("exists", None)("")
    assert predicate("ne", "a")("")


def test_contains_takes_text_literally_and_looks_into_lists() -> None:
    assert predicate("contains", "[a-z]*")("x[a-z]*y")
    assert not predicate("contains", "[a-z]*")("abc")
    assert not predicate("contains", "%")("abc")
    assert predicate("contains", 5)(["5.0", "x"])
    assert not predicate("contains", "a")(["ab"])
    assert not predicate("contains", 5)("15")


@given(values, scalars, operands, instants)
def test_as_the_oracle_compares(value: Any, other: Any, operand: Any, text: str) -> None:
    for op in ("eq", "ne"):
        assert predicate(op, operand)(value) is compare(op, value, operand, 0)
    for op in ("in", "not_in"):
        assert predicate(op, (operand, "z"))(value) is compare(op, value, (operand, "z"), 0)
    if operand != "":
        assert predicate("contains", operand)(value) is compare("contains", value, operand, 0)
    if number(operand) is not None:
        for op in ("gt", "gte", "lt", "lte"):
            assert predicate(op, operand)(value) is compare(op, value, operand, 0)
    assert number(other) == decimal_of(other)
    assert instant(text) == millis_of(text)


@given(values, texts.filter(bool))
def test_starts_with_as_the_oracle(value: Any, prefix: str) -> None:
    assert predicate("starts_with", prefix)(value) is compare("starts_with", value, prefix, 0)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**15), max_value=10**15))
def test_decimal_text_is_exact(value: Decimal) -> None:
    assert predicate("gte", format(value, "f"))(format(value, "f"))
    assert not predicate("gt", format(value, "f"))(format(value, "f"))
    assert predicate("gt", format(value, "f"))(format(value + Decimal("0.001"), "f"))
