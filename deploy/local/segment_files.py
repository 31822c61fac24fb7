"""Segment definitions in files under version control: read, checked together, compared with what is there.

A file is JSON or YAML and holds one definition or a list of them. Everything wrong in all files is told at once, before
anything is sent.
"""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from processors.segments.clauses import Definition, references_of
from processors.segments.definition import DefinitionError, parse
from processors.segments.references import in_order
from schemas.errors import KithError

_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Written:
    """A definition as a file has it."""

    where: str  # the file, and which of several in it
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What applying one definition does. `lines` are the differences from what is there, as `diff` writes them."""

    kind: Literal["create", "change", "same"]
    document: dict[str, Any]
    lines: Sequence[str] = ()


def read_files(files: Iterable[Path]) -> list[Written]:
    """Return the definitions of all files, a folder's JSON and YAML files included.

    Raises `KithError` that names the place of whatever cannot be read.
    """
    found: list[Written] = []
    for file in files:
        if file.is_dir():
            inside = sorted(each for each in file.rglob("*") if each.suffix in (".json", *_YAML))
            if not inside:
                raise KithError(f"{file} holds no .json, .yaml or .yml file.")
            found += read_files(inside)
            continue
        content = _read(file)
        several = content if isinstance(content, list) else [content]
        for number, document in enumerate(several):
            where = f"{file}[{number}]" if isinstance(content, list) else str(file)
            if not isinstance(document, dict):
                raise KithError(f"{where}: a definition is an object with id and where.")
            found.append(Written(where, document))
    return found


def _read(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KithError(f"{file} cannot be read: {error}.") from error
    try:
        return yaml.safe_load(text) if file.suffix in _YAML else json.loads(text)
    except json.JSONDecodeError as error:
        raise KithError(f"{file}:{error.lineno}:{error.colno}: this is no JSON: {error.msg}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        at = f":{place.line + 1}:{place.column + 1}" if place else ""
        raise KithError(f"{file}{at}: this is no YAML: {getattr(error, 'problem', error)}.") from error


def check(written: Sequence[Written], there: Mapping[str, Mapping[str, Any]]) -> list[Written]:
    """Return the definitions in the order in which they can be applied; `there` are those that exist, by id.

    They may refer to each other and to those. Raises `KithError` with every problem, each with file and place.
    """
    problems: list[str] = []
    parsed: dict[str, tuple[Written, Definition]] = {}
    for each in written:
        try:
            definition = parse(each.document)
        except DefinitionError as error:
            problems += [f"{each.where}: {_told(problem.path, problem.message)}" for problem in error.problems]
            continue
        if definition.id in parsed:
            problems.append(f"{each.where}: id: {definition.id} is also in {parsed[definition.id][0].where}")
        parsed[definition.id] = (each, definition)
    known = {id_: parse(document) for id_, document in there.items()}
    known |= {id_: definition for id_, (_, definition) in parsed.items()}
    for id_, (each, _) in parsed.items():
        try:
            parse(each.document, {other: definition for other, definition in known.items() if other != id_})
        except DefinitionError as error:
            problems += [f"{each.where}: {_told(problem.path, problem.message)}" for problem in error.problems]
    if problems:
        raise KithError("\n".join(problems))
    order = in_order({id_: references_of(definition.where) for id_, (_, definition) in parsed.items()})
    return [parsed[id_][0] for id_ in order]


def _told(path: str, message: str) -> str:
    return f"{path}: {message}" if path else message


def compared(each: Written, there: Mapping[str, Mapping[str, Any]]) -> Step:
    """Return what applying a checked definition would do."""
    before = there.get(each.document["id"])
    if before is None:
        return Step("create", each.document)
    old, new = _whole(before), _whole(each.document)
    if old == new:
        return Step("same", each.document)
    lines = difflib.unified_diff(_text(old), _text(new), lineterm="", n=2)
    return Step("change", each.document, list(lines)[2:])


def _whole(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition with its name, which is its id where it is left out."""
    return {"id": document["id"], "name": document["id"], **document}


def _text(document: dict[str, Any]) -> list[str]:
    return json.dumps(document, indent=2, ensure_ascii=False).splitlines()
