"""What a value of a parameter becomes, and what is refused; that ClickHouse reads the same is tested against it."""

from typing import Any

import pytest

from api.parameters import MOST_CHARACTERS, texts
from schemas.errors import Problem


def text_of(type_: str, value: Any) -> str:
    return texts(f"SELECT {{v:{type_}}}", {"v": value})["v"]


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("UInt8", 255, "255"),
        ("Int8", "-128", "-128"),
        ("UInt64", 3.0, "3"),
        ("Float64", "nan", "nan"),
        ("Float32", "-inf", "-inf"),
        ("Decimal(10, 2)", 1e-7, "0.0000001"),
        ("Array(Decimal(10, 2))", ["1.25", 2], "[1.25,2]"),
        ("Bool", "TRUE", "true"),
        ("UInt8", True, "1"),
        ("String", False, "false"),
        ("Array(String)", "['a','b']", "['a','b']"),
        ("String", "a'b\\\n", "a'b\\\\\\n"),
        ("String", 5, "5"),
        ("Nullable(String)", None, "\\N"),
        ("LowCardinality(Nullable(String))", None, "\\N"),
        ("Array(Nullable(String))", ["a'", None], "['a\\'',NULL]"),
        ("Tuple(a String, b Array(UInt8))", {"b": [1], "a": "x"}, "('x',[1])"),
        ("Tuple(String, Nullable(UInt8))", ["x", None], "('x',NULL)"),
        ("Map(String, Array(String))", {"a'": ["b"]}, "{'a\\'':['b']}"),
        ("JSON", {"a": ["\n"]}, '{"a":["\\\\n"]}'),
        ("Date", "2026-01-31T10:15:00Z", "2026-01-31"),
        ("Date32", "1900-01-01", "1900-01-01"),
        ("DateTime64(3, 'UTC')", "2026-01-31T10:15:00.123Z", "1769854500.123000"),
        ("DateTime64(3, 'UTC')", "1969-12-31T23:59:59.5Z", "-0000000000.500000"),
        ("DateTime64(3, 'Europe/Paris')", "2026-01-31T10:15", "2026-01-31 10:15:00.000000"),
        ("DateTime", "1970-01-01T01:00:05+01:00", "0000000005"),
        ("DateTime", 5, "0000000005"),
        ("DateTime", "next week", "next week"),
        ("Enum8('a' = 1, 'b, (c)' = 2)", "b, (c)", "b, (c)"),
        ("Identifier", "events", "events"),
    ],
)
def test_a_value_arrives_as_it_is(type_: str, value: Any, text: str) -> None:
    assert text_of(type_, value) == text


@pytest.mark.parametrize(
    ("type_", "value", "says"),
    [
        ("UInt8", 256, "0 to 255"),
        ("UInt8", -1, "0 to 255"),
        ("Int64", "9223372036854775808", "9223372036854775807"),
        ("Int256", 10**100, "no such number"),
        ("UInt8", "1e999999999", "no such number"),
        ("UInt8", 1.5, "a whole number"),
        ("UInt8", "x", "a number"),
        ("UInt8", None, "Nullable"),
        ("Array(UInt8)", [1, 300], "0 to 255"),
        ("Array(UInt8)", 1, "a list"),
        ("Tuple(UInt8, UInt8)", [1], "a list of 2"),
        ("Map(String, UInt8)", [1], "an object"),
        ("Float32", 1e39, "no such number"),
        ("Float64", "1e999", "no such number"),
        ("Float64", "x", "a number"),
        ("Decimal(10, 2)", "nan", "no such number"),
        ("Bool", "maybe", "true or false"),
        ("String", None, "Nullable"),
        ("String", {"a": 1}, "text"),
        ("Date", "1900-01-01", "1970-01-01 to 2149-06-06"),
        ("DateTime64(3)", "2300-01-01 00:00:00", "1900-01-01 to 2299-12-31"),
    ],
)
def test_what_is_none_of_its_type_is_refused_with_a_sentence(type_: str, value: Any, says: str) -> None:
    with pytest.raises(Problem, match=r"parameters\.v is ") as refused:
        text_of(type_, value)
    assert refused.value.type == "invalid"
    assert says in refused.value.detail


def test_text_in_quotes_names_no_parameter() -> None:
    assert texts("SELECT '{a:UInt8}', {b:String}, '\\'{c:UInt8}'", {"a": "x", "b": "y", "c": "z"}) == {"b": "y"}


def test_a_name_of_two_types_is_two_names() -> None:
    assert texts("SELECT {a:Int8}, {a:UInt8}", {"a": 1}) == {"a": "1"}
    with pytest.raises(Problem, match="two names"):
        texts("SELECT {a:String}, {a:DateTime}", {"a": "2026-01-31T10:15:00Z"})


def test_too_much_and_what_is_not_ours_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        text_of("String", "x" * (MOST_CHARACTERS + 1))
    assert (refused.value.type, refused.value.extra["limit"]) == ("limit-exceeded", "parameters")
    for name in ("system", "SYSTEM", "Information_Schema"):
        with pytest.raises(Problem) as refused:
            text_of("Identifier", name)
        assert refused.value.type == "forbidden"
