import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import pagination
from schemas.errors import Problem


@given(st.integers(-(2**53), 2**53), st.text())
def test_a_cursor_comes_back_as_it_was(number: int, text: str) -> None:
    assert pagination.decode(pagination.encode(number, text), int, str) == [number, text]


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="Pass `next`"):
        pagination.decode(text, int, str)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Problem, match="Pass `next`"):
        pagination.decode(pagination.encode(1, 2), int, str)
    with pytest.raises(Problem, match="Pass `next`"):
        pagination.decode(pagination.encode(True, "x"), int, str)
