"""YAML of strangers is plain values, or a sentence that says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import KithError
from schemas.plain_yaml import load


def test_yaml_and_json() -> None:
    assert load("a: 1\nb: [x, 2.5, null, true]", "it") == {"a": 1, "b": ["x", 2.5, None, True]}
    assert load('{"a": {"b": []}}', "it") == {"a": {"b": []}}
    assert load("", "it") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "in line 1"),
        ("a: 1\nb: *a", "in line 2: aliases are not allowed"),
        ("a: &x [*x]", "aliases are not allowed"),
        ("{" * 5000, "nests too deep"),
        ("[" * 100_000, "nests too deep"),
        ("a: 2026-13-45", "no valid YAML"),
        ("a: !!python/object:os.system x", "no valid YAML"),
        ("\x00", "no valid YAML"),
        ("a: \ud83d", "no valid YAML"),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    with pytest.raises(KithError) as fault:
        load(text, "it")
    assert told in str(fault.value)


@given(st.text(st.characters(), max_size=100))
def test_any_text_has_an_answer(text: str) -> None:
    try:
        load(text, "it")
    except KithError as error:
        assert str(error).startswith("it ")  # noqa: PT017 - most texts are fine
