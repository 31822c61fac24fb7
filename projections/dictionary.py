"""What the tables and views of ClickHouse are, as their migrations say it: names, columns and comments. Pure."""

import re
from dataclasses import dataclass

from projections.migrate import load, render

_HEAD = re.compile(r"CREATE (?:OR REPLACE )?(TABLE|VIEW) (?:IF NOT EXISTS )?(\w+)\s*(\((?:.|\n)*?\n\))?", re.MULTILINE)
_DROPPED = re.compile(r"DROP VIEW IF EXISTS (\w+)")
_COLUMN = re.compile(r"^    (\w+) (.*?) COMMENT '([^']*)'", re.MULTILINE)
_NESTED = re.compile(r"^    (\w+) Nested\n    \(\n(?:.*\n)*?    \) COMMENT '([^']*)'", re.MULTILINE)
_COMMENT = re.compile(r"^COMMENT '([^']*)'$", re.MULTILINE)
_PARAMETER = re.compile(r"\{(\w+):((?:[^{}()]|\([^()]*\))+)\}")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view; `parameters` of a parameterised view as (name, type), `columns` as (name, type, comment)."""

    name: str
    is_view: bool
    comment: str
    columns: tuple[tuple[str, str, str], ...]
    parameters: tuple[tuple[str, str], ...]


def relations() -> list[Relation]:
    """Return every table and view as the newest migration leaves it, in the order in which they first came."""
    found: dict[str, Relation] = {}
    for statement in (statement for migration in load() for statement in render(migration.text)):
        if dropped := _DROPPED.match(statement):
            del found[dropped[1]]
        elif not statement.startswith(("ALTER TABLE ", "CREATE OR REPLACE DICTIONARY ")):
            relation = _relation(statement)
            found[relation.name] = relation
    return list(found.values())


def _relation(statement: str) -> Relation:
    head = _HEAD.match(statement)
    comment = _COMMENT.search(statement)
    if head is None or comment is None:
        raise ValueError(f"no table or view with a comment: {statement[:80]}")
    kind, name, listed = head.groups()
    text = listed or ""
    nested = {match[1]: match[2] for match in _NESTED.finditer(text)}
    columns = [(match[1], match[2], match[3]) for match in _COLUMN.finditer(_NESTED.sub("", text))]
    columns += [(column, "Nested", says) for column, says in nested.items()]
    parameters = dict.fromkeys(_PARAMETER.findall(statement)) if kind == "VIEW" else {}
    return Relation(name, kind == "VIEW", comment[1], tuple(columns), tuple(parameters))
