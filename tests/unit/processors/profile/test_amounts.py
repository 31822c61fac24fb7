"""Amounts: whatever a shop writes is read exactly, or not at all."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.profile.amounts import LIMIT, UNITS, amount_of, amount_text, currency_of, quantity_json, quantity_of

decimals = st.decimals(min_value=-(10**11), max_value=10**11, places=4, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("120.50", "120.50"),
        ("120.5", "120.50"),
        ("-0.01", "-0.01"),
        (" 7 ", "7.00"),
        (120, "120.00"),
        (120.5, "120.50"),
        (19.99, "19.99"),
        (0.1 + 0.2, "0.30"),
        (1e3, "1000.00"),
        (1e-5, "0.00"),
        ("1 234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1'234.50", "1234.50"),
        ("1,234", "1234.00"),
        ("1,234,567", "1234567.00"),
        ("1.234.567", "1234567.00"),
        ("1.234", "1.234"),
        ("0,123", "0.123"),
        ("12,5", "12.50"),
        ("1234,567", "1234.567"),
        ("€ 12.50", "12.50"),
        ("12,50 €", "12.50"),
        ("$1,234.50", "1234.50"),
        ("12.50 EUR", "12.50"),
        ("EUR 12.50", "12.50"),
        ("\u22125.00", "-5.00"),
        ("+5", "5.00"),
        (".5", "0.50"),
        ("0.00005", "0.00"),
        ("0.00015", "0.0002"),
        ("999999999999.9999", "999999999999.9999"),
    ],
)
def test_what_shops_write_for_amounts(written: Any, amount: str) -> None:
    units = amount_of(written)
    assert units is not None
    assert amount_text(units) == amount


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        " ",
        "free",
        "1e3",
        "NaN",
        "Infinity",
        "12.50.EUR",
        "1,2,3",
        "12 abc",
        "--5",
        "(5.00)",
        "1000000000000",
        10**12,
        -(10**12),
        10**400,
        1e12,
        1e300,
        -1e300,
        "9" * 10_000,
        "1" + " " * 10_000,
        [],
        {"amount": 5},
        "١٢",
    ],
)
def test_what_is_no_amount_or_an_absurd_one(written: Any) -> None:
    assert amount_of(written) is None


@given(decimals)
def test_decimal_text_is_read_exactly(amount: Decimal) -> None:
    units = amount_of(f"{amount:f}")
    assert units is not None
    assert Decimal(units) / UNITS == amount
    assert Decimal(amount_text(units)) == amount


@given(st.lists(st.decimals(min_value=0, max_value=10**6, places=2), max_size=30))
def test_sums_are_exact_whether_text_or_floats_were_sent(amounts: list[Decimal]) -> None:
    assert sum(amount_of(str(amount)) or 0 for amount in amounts) == sum(amounts) * UNITS
    assert sum(amount_of(float(amount)) or 0 for amount in amounts) == sum(amounts) * UNITS


@given(st.integers(-LIMIT + 1, LIMIT - 1))
def test_shown_text_is_read_back(units: int) -> None:
    text = amount_text(units)
    assert amount_of(text) == units
    assert len(text.partition(".")[2]) >= 2


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=3))
def test_nothing_that_json_can_carry_raises(value: Any) -> None:
    units = amount_of(value)
    assert units is None or -LIMIT < units < LIMIT
    assert quantity_of(value) >= 0
    currency = currency_of(value)
    assert currency is None or (len(currency) == 3 and currency.isupper())


@pytest.mark.parametrize(
    ("written", "currency"),
    [("EUR", "EUR"), (" eur ", "EUR"), ("", None), (None, None), ("€", "XXX"), ("euros", "XXX"), (978, "XXX")],
)
def test_currencies(written: Any, currency: str | None) -> None:
    assert currency_of(written) == currency


@pytest.mark.parametrize(
    ("written", "quantity"), [(2, 2), ("2", 2), (None, 1), ("many", 1), (-3, 0), (0, 0), (2.5, 2.5), ("0,25", 0.25)]
)
def test_quantities(written: Any, quantity: float) -> None:
    assert quantity_json(quantity_of(written)) == quantity
