"""Definitions in files: read, checked together with their places, compared with what is there."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.local.segment_files import Written, check, compared, read_files
from deploy.local.segment_words import describe
from schemas.errors import KithError

FRENCH = {"trait": "country", "op": "eq", "value": "FR"}


def file(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_files_of_both_kinds_and_folders_are_read(tmp_path: Path) -> None:
    file(tmp_path, "a.json", {"id": "a", "where": FRENCH})
    file(tmp_path, "b.yaml", "- {id: b, where: {segment: a}}\n- {id: c, where: {not: {segment: b}}}\n")
    file(tmp_path, "notes.txt", "no definition")
    assert [each.document["id"] for each in read_files([tmp_path])] == ["a", "b", "c"]


BAD = [
    ("x.json", '{"id": "a",', "x.json:1:12"),
    ("x.json", "[1]", "x.json[0]: a definition is an object"),
    ("x.yaml", "id: [", "x.yaml:1:6"),
    ("x.yaml", "a\n", "x.yaml: a definition is an object"),
    ("x.yaml", "!!python/object:os.system {}", "x.yaml:1:1"),
]


@pytest.mark.parametrize(("name", "text", "place"), BAD)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path: Path, name: str, text: str, place: str) -> None:
    with pytest.raises(KithError, match=r"\S") as caught:
        read_files([file(tmp_path, name, text)])
    assert place in str(caught.value)


def test_a_file_that_is_not_there_and_an_empty_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(KithError):
            read_files([path])


def test_everything_wrong_in_all_files_is_told_at_once() -> None:
    written = [
        Written("a.json", {"id": "a", "where": {"all": [FRENCH, {"trait": "x", "op": "like"}]}}),
        Written("b.json", {"id": "b", "where": {"segment": "nowhere"}}),
        Written("c.json", {"id": "b", "where": FRENCH}),
        Written("d.json", {"where": FRENCH}),
    ]
    with pytest.raises(KithError, match=r"\S") as caught:
        check(written, {})
    told = str(caught.value).splitlines()
    assert told[0].startswith("a.json: where.all[1].op: ")
    assert any(line.startswith("c.json: id: b is also in b.json") for line in told)
    assert any(line.startswith("d.json: id") for line in told)


def test_references_may_go_to_other_files_and_to_what_is_there_and_set_the_order() -> None:
    there = {"old": {"id": "old", "where": FRENCH}}
    a = Written("a", {"id": "a", "where": {"all": [{"segment": "z"}, {"segment": "old"}]}})
    z = Written("z", {"id": "z", "where": FRENCH})
    assert check([a, z], there) == [z, a]
    with pytest.raises(KithError, match=r"a: where\.all\[1\]\.segment"):
        check([a, z], {})
    circle = Written("z", {"id": "z", "where": {"segment": "a"}})
    with pytest.raises(KithError, match="circle"):
        check([a, circle], there)


def test_what_would_change_is_shown_line_by_line() -> None:
    there = {"a": {"id": "a", "name": "a", "where": FRENCH}}
    assert compared(Written("f", {"id": "a", "where": FRENCH}), there).kind == "same"
    assert compared(Written("f", {"id": "b", "where": FRENCH}), there).kind == "create"
    changed = compared(Written("f", {"id": "a", "where": {**FRENCH, "value": "BE"}}), there)
    assert changed.kind == "change"
    assert [line.strip() for line in changed.lines if line[0] in "+-"] == ['-    "value": "FR"', '+    "value": "BE"']


def test_an_explanation_is_a_line_a_clause() -> None:
    at = "2026-01-31T10:15:00.000Z"
    leaf = {"true": False, "since": None, "changes_at": at, "because": "e1", "clause": FRENCH}
    tree = {"true": True, "since": at, "changes_at": at, "because": None, "not": leaf}
    found = {"segment_id": "s", "version": 2, "member": True, "since": at, "changes_at": None, "where": tree}
    lines = describe("user_id:u1", {**found, "published": {"member": False, "since": None}})
    assert lines[0] == f"user_id:u1 is in s (version 2) (since {at})."
    assert "said otherwise" in lines[1]
    assert lines[2] == f"  yes not (since {at}, until {at})"
    assert lines[3].startswith('    no  {"trait": "country"')
