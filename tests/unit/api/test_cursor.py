import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.delivery.cursor import BEGINNING, positions_of, text_of
from schemas.errors import Problem


@given(st.dictionaries(st.integers(0, 1023), st.integers(0, 2**62), max_size=8))
def test_a_cursor_names_how_far_each_partition_was_read(positions: dict[int, int]) -> None:
    assert positions_of(text_of(positions)) == positions


def test_nothing_read_is_the_beginning() -> None:
    assert text_of({}) == BEGINNING


@pytest.mark.parametrize("text", ["", "x", "1", "1-", "1-2_", "-1-2", "1-2,3-4", "1-2 ", "\u0661-2"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="`beginning`"):
        positions_of(text)
