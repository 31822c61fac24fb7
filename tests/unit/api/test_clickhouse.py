from typing import Any

import pytest

from api.clickhouse import parameter_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a\tb\nc\\d", "a\\tb\\nc\\\\d"),
        ("it's", "it's"),
        (True, "1"),
        (7, "7"),
        (["a", "it's", "\\"], "['a','it\\'s','\\\\']"),
        ([], "[]"),
        ([1, 2], "[1,2]"),
        ([["a"], []], "[['a'],[]]"),
    ],
)
def test_parameters_are_written_as_clickhouse_reads_them(value: Any, text: str) -> None:
    assert parameter_text(value) == text
