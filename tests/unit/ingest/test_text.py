"""Strangers' JSON: mended where that is harmless, refused where it is not JSON."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.text import MAX_LEVELS, NotJsonError, check_levels, json_bytes, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@given(JSON)
def test_json_is_read_as_it_is(value: Any) -> None:
    assert parse(orjson.dumps(value)) == value
    assert parse(b"\xef\xbb\xbf" + orjson.dumps(value)) == value


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ude00 x"', "\ufffd x"),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\ud83dA"', "\ufffdA"),
        (rb'{"\ud83d": ["\udc00"]}', {"\ufffd": ["\ufffd"]}),
        (b'"\xed\xa0\xbd"', "\ufffd"),
        (b'"\xed\xa0\xbd\xed\xb8\x80"', "😀"),
        (b'"caf\xe9"', "caf\ufffd"),
        (rb'["\ud83d", 123456789012345678901234567890]', ["\ufffd", 1.2345678901234568e29]),
        (rb'["\ud83d", 1e5, 1.5, true, null]', ["\ufffd", 1e5, 1.5, True, None]),
    ],
)
def test_broken_characters_cost_nothing(body: bytes, expected: Any) -> None:
    assert parse(body) == expected


@given(st.text(max_size=20), st.integers(0xD800, 0xDFFF), st.integers(0, 20))
def test_a_lone_surrogate_anywhere_becomes_one_replacement(text: str, surrogate: int, place: int) -> None:
    cut = text[:place] + chr(surrogate) + text[place:]
    read = parse(json.dumps({"k": cut}).encode())
    assert read == {"k": text[:place] + "\ufffd" + text[place:]}
    orjson.dumps(read)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b"NaN",
        b'{"a":NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        rb'["\ud83d", NaN]',
        rb'["\ud83d", 1e999]',
        rb'["\ud83d", -1e999]',
        b'"a\x01b"',
        b'{"a":1}{"b":2}',
        b"\x1f\x8b\x08\x00",
        b"\xff\xfe{\x00}\x00",
        b"undefined",
        nested(100_000),
        nested(2000),
        rb'"\ud83d' + nested(2000),
        b"[" * 5000 + rb'"\ud83d"' + b"]" * 5000,
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        parse(body)


@pytest.mark.parametrize("levels", [1, 253, 254, 255, 511, 512])
def test_up_to_512_levels_are_read_and_written(levels: int) -> None:
    check_levels(nested(levels))
    value = parse(nested(levels))
    assert json_bytes(value) == nested(levels)


@pytest.mark.parametrize("body", [nested(513), b'{"a":' + nested(512) + b"}", b'["[",' + nested(512) + b"]"])
def test_more_than_512_levels_are_refused(body: bytes) -> None:
    parse(body)
    with pytest.raises(NotJsonError, match=str(MAX_LEVELS)):
        check_levels(body)


@pytest.mark.parametrize("levels", [513, 600, 1000, 1024])
def test_what_nests_deeper_is_not_written(levels: int) -> None:
    with pytest.raises(NotJsonError, match=str(MAX_LEVELS)):
        json_bytes(parse(nested(levels)))
    with pytest.raises(NotJsonError):
        json_bytes(parse(b'{"a":' * levels + b"1" + b"}" * levels), sort_keys=True)


@given(JSON)
def test_brackets_in_strings_are_no_levels(value: Any) -> None:
    check_levels(orjson.dumps(["[" * 1000, '\\"[' * 600, "\\", value]))


@given(JSON)
def test_written_json_is_read_back(value: Any) -> None:
    assert orjson.loads(json_bytes(value)) == value
    assert json_bytes(value, sort_keys=True) == orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
