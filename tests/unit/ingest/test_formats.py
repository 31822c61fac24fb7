"""What an import's body is."""

import pytest

from ingest.answers import Refused
from ingest.formats import import_body
from ingest.text import NotJsonError


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"],
)
def test_json(content_type: str) -> None:
    assert import_body(content_type, b'{"batch": [1]}') == {"batch": [1]}
    with pytest.raises(NotJsonError):
        import_body(content_type, b"a,b\n1,2")


@pytest.mark.parametrize(
    "content_type", ["application/x-ndjson", "Application/JSONL", "application/ndjson;charset=utf-8"]
)
def test_lines(content_type: str) -> None:
    body = b'{"a": 1}\r\n\n{"b": "caf\xc3\xa9"}\nnot json\n[1]'
    assert import_body(content_type, body) == {"batch": [{"a": 1}, {"b": "café"}, "not json", [1]]}
    assert import_body(content_type, b"") == {"batch": []}


@pytest.mark.parametrize(
    "content_type", ["text/csv", "text/tab-separated-values", "application/vnd.apache.parquet", "x"]
)
def test_other_formats_are_refused(content_type: str) -> None:
    with pytest.raises(Refused, match="ndjson") as refused:
        import_body(content_type, b"a,b\n1,2")
    assert (refused.value.status, refused.value.code) == (400, "unsupported_format")
