"""A migration's statement as a sharded cluster needs it: of a shard's rows, the table over all shards, or both. Pure.

The text in the files knows one table. `CREATE TABLE events …` becomes `events_local` with everything, and over it
`events` with the same columns and comment; an `ALTER` of columns goes to both, one of anything else to `events_local`.
"""

import re
from collections.abc import Iterator

from projections.placement import SHARDED, Placement
from schemas.errors import KithError

_HEAD = re.compile(
    rf"(CREATE TABLE IF NOT EXISTS|ALTER TABLE|DROP TABLE IF EXISTS|TRUNCATE TABLE|OPTIMIZE TABLE|DELETE FROM)"
    rf"\s+({'|'.join(sorted(SHARDED))})\b",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    rf"(RENAME|EXCHANGE|REPLACE|ATTACH|DETACH|UNDROP)\s.*?\b({'|'.join(sorted(SHARDED))})\b", re.IGNORECASE
)
_COLUMN_CHANGE = re.compile(r"(ADD|MODIFY|COMMENT|RENAME|DROP)\s+(COLUMN|COMMENT)\b", re.IGNORECASE)
_REMOVAL = re.compile(r"DROP\s+COLUMN\b", re.IGNORECASE)
# What of a column list only a table with rows has.
_OF_ROWS = re.compile(r"(PROJECTION|INDEX|CONSTRAINT)\s", re.IGNORECASE)
_CODEC = re.compile(r"\s+CODEC\((?:[^()]|\([^()]*\))*\)")
_COMMENT = re.compile(r"^COMMENT '(?:[^'\\]|\\.|'')*'$", re.MULTILINE)


def statements(statement: str, placement: Placement) -> list[str]:
    """Return what to run, in order, instead of a statement that is rendered for a cluster.

    Raises `KithError` for what has no meaning on a sharded table, such as two kinds of change in one ALTER.
    """
    head = _HEAD.match(statement)
    if head is None:
        if refused := _REFUSED.match(statement):
            raise KithError(f"{refused[1]} of {refused[2]} has no form for a sharded cluster: say it otherwise.")
        return [statement]
    verb, table = head[1].upper(), head[2]
    local = statement[: head.start(2)] + placement.local(table) + statement[head.end(2) :]
    if verb.startswith("CREATE"):
        return [local, _twin(statement, table, placement)]
    if verb.startswith("DROP"):
        return [statement, local]
    if verb.startswith("ALTER"):
        return _altered(statement, local, head.end())
    return [local]


def _altered(statement: str, local: str, end: int) -> list[str]:
    changes = [item.strip() for item in _items(re.sub(r"^\s*ON CLUSTER `\w+`", "", statement[end:]))]
    of_columns = [bool(_COLUMN_CHANGE.match(change)) for change in changes]
    if not any(of_columns):
        return [local]
    removals = [bool(_REMOVAL.match(change)) for change in changes]
    if not all(of_columns) or any(removals) != all(removals):
        raise KithError("Changes of columns, removals of columns and other changes need an ALTER each.")
    # At no moment may the table over the shards have a column that a shard lacks.
    return [statement, local] if all(removals) else [local, statement]


def _twin(statement: str, table: str, placement: Placement) -> str:
    """Return the Distributed table over the shards: head, columns and comment of the statement."""
    opening = statement.index("(")
    closing = statement.index("\n)", opening)
    columns = [
        _CODEC.sub("", item.strip())
        for item in _items(statement[opening + 1 : closing])
        if not _OF_ROWS.match(item.strip())
    ]
    comment = _COMMENT.search(statement, closing)
    listed = ",\n    ".join(columns)
    ending = f"\n{comment[0]}" if comment else ""
    return f"{statement[:opening]}(\n    {listed}\n)\nENGINE = {placement.distributed(table)}{ending}"


def _items(text: str) -> Iterator[str]:
    """Yield the parts between commas that stand in neither brackets nor quotes."""
    depth, start, quoted, escaped = 0, 0, False, False
    for place, character in enumerate(text):
        if quoted:
            quoted = escaped or character != "'"
            escaped = not escaped and character == "\\"
        elif character == "'":
            quoted = True
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
